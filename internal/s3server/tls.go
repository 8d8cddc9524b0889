package s3server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// StartTLS is Start with HTTPS. The certificate is for 127.0.0.1 and comes from
// an authority that only the returned PEM file has.
func StartTLS(ctx context.Context, dir string) (s *Server, caFile string, err error) {
	caFile, cert, key, trusted, err := authority(dir)
	if err != nil {
		return nil, "", fmt.Errorf("start S3 server: %w", err)
	}
	s, err = start(ctx, dir, trusted, []string{"--cert", cert, "--key", key})
	return s, caFile, err
}

// shakesHands is a condition: the server at the address has the certificate that
// it was given.
func (s *Server) shakesHands(address string) func(context.Context) error {
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: s.trusted, MinVersion: tls.VersionTLS12}}
	return func(ctx context.Context) error {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// authority makes a certificate authority, and a certificate and key of its for
// 127.0.0.1, as files.
func authority(dir string) (caFile, certFile, keyFile string, trusted *x509.CertPool, err error) {
	files := [3]string{filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gputally tests"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", "", nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", "", nil, err
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return "", "", "", nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return "", "", "", nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", "", nil, err
	}
	for i, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: caDER}, {Type: "CERTIFICATE", Bytes: der}, {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(files[i], pem.EncodeToMemory(block), 0o600); err != nil {
			return "", "", "", nil, err
		}
	}
	trusted = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(caDER)
	if err != nil {
		return "", "", "", nil, err
	}
	trusted.AddCert(parsed)
	return files[0], files[1], files[2], trusted, nil
}
