package s3server

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// Account is somebody with keys to the server.
type Account struct{ AccessKey, SecretKey string }

// CreateBucket makes a bucket, in which only the administrator may read and write.
func (s *Server) CreateBucket(ctx context.Context, name string) error {
	return s.admin(ctx, "create-bucket", "--owner", s.AccessKey, "--bucket", name)
}

// CreateAccount makes an account that may do nothing with the buckets there are.
func (s *Server) CreateAccount(ctx context.Context) (Account, error) {
	a := Account{AccessKey: newKey("USER"), SecretKey: newKey("secret-")}
	return a, s.admin(ctx, "create-user", "--access", a.AccessKey, "--secret", a.SecretKey, "--role", "user")
}

// admin runs one command of the server's administration.
func (s *Server) admin(ctx context.Context, command string, args ...string) error {
	cmd := exec.CommandContext(ctx, s.binary, append([]string{"admin", "--endpoint-url", s.Endpoint, command}, args...)...)
	cmd.Env = append(os.Environ(), "ADMIN_ACCESS_KEY="+s.AccessKey, "ADMIN_SECRET_KEY="+s.SecretKey, "ADMIN_REGION="+s.Region, "ADMIN_ALLOW_INSECURE=true")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("S3 server: %s: %w: %s", command, err, out)
	}
	return nil
}
