package command

import "github.com/alecthomas/kingpin/v2"

// addLedger adds the commands about the closed hours in the bucket.
func addLedger(app *kingpin.Application, add adder) {
	group := app.Command("ledger", "The closed hours in the bucket.")
	addVerify(group, add)
	addCompact(group, add)
	addPrune(group, add)
	addCoverage(group, add)
}
