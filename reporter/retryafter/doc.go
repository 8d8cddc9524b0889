// Package retryafter reads how long a server wants to be left alone. The clients of
// Prometheus and of S3 both ask it, so that both servers are understood alike.
package retryafter
