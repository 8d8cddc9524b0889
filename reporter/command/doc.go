// Package command has the verbs of gputally-reporter: one file for each, with its
// flags, its checks of them, and what it prints. The work itself is in the
// packages below: closing, upkeep, reporting, archive, serve.
//
// Results go to Env.Stdout, the log and progress to Env.Stderr. A command that
// works on several clusters goes on after a failure of one, and returns all
// failures joined. Mistakes in flags are *UsageError.
package command
