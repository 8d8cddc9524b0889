// Package open opens the bucket that a URL names, in whichever store it is.
package open
