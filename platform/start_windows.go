package platform

import (
	"fmt"
	"maps"
	"os"

	"devcert/platform/elevate"
	"devcert/platform/httpsys"
	"devcert/platform/java"
	"devcert/platform/winstore"
)

// Start is called first of all, with the program's arguments. When this process
// is the privileged child, it does its work; done is then true and code the exit
// code. Otherwise nothing has happened and the command is to be run.
func Start(args []string) (code int, done bool) {
	if !elevate.IsChild(args) {
		return 0, false
	}
	all, err := handlers()
	if err != nil {
		fmt.Fprintln(os.Stderr, "devcert:", err)
		return 1, true
	}
	return elevate.Child(args, all), true
}

// handlers are all that the privileged child can be asked for.
func handlers() (elevate.Handlers, error) {
	ledger, err := httpsys.MachineLedger()
	if err != nil {
		return nil, err
	}
	// The ledger's folder is there, and only administrators', while the table changes.
	netsh, err := httpsys.System(ledger.Folder, startNetsh)
	if err != nil {
		return nil, err
	}
	table := &httpsys.Machine{Netsh: netsh, Ledger: ledger, Checks: checks()}
	all := elevate.Handlers{
		winstore.DoDeploy:   elevate.Typed(winstore.Machine{}.Deploy),
		winstore.DoWithdraw: elevate.Typed(winstore.Machine{}.Withdraw),
		httpsys.DoBind:      elevate.Typed(table.Bind),
		httpsys.DoUnbind:    elevate.Typed(table.Unbind),
	}
	maps.Copy(all, java.Machine{}.Handlers())
	return all, nil
}
