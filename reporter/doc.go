// Package reporter is the whole reporter as one call: Run parses the arguments,
// wires what the configuration describes, and runs the command. ExitCode maps its
// error to the exit code of the process.
//
//	prom ─> usage ─> ledger ─> rollup ─> report ─> archive
//	          │        │          │
//	        closing  upkeep   reporting         the recipes
//	          └────────┼──────────┘
//	             command, serve                 what people and time ask for
//
// Nothing is done here but wiring: opener builds the packages from the
// configuration, each with a Config of what it uses.
package reporter
