package winstore

import (
	"context"
	"errors"

	"devcert/devcert/chain"
)

// Friendly names of the leaf: people look for them in certlm.msc and
// certmgr.msc, and IIS Express's tools under the first.
const (
	machineLeafName = IISExpressName + " (devcert)"
	userLeafName    = "ASP.NET Core HTTPS development certificate (devcert)"
)

// Machine changes the machine's stores. It is meant for the privileged child:
// it judges every request by the bytes in it, reads nothing of a user's, and
// writes nothing into a user's store. It never waits.
type Machine struct{}

// Deploy puts a part of a hierarchy into the store for that part, and takes it
// out of LocalMachine\Disallowed.
func (Machine) Deploy(ctx context.Context, r DeployRequest, _ func()) error {
	defer clear(r.Key)
	k, pair, err := r.accept()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	_, banned := Store{Location: LocalMachine, Name: disallowed}.Delete(pair.Cert.Raw, false)
	store := Store{Location: LocalMachine, Name: k.in}
	if k.part == chain.PartLeaf {
		_, err = store.AddKey(pair, KeyOptions{FriendlyName: machineLeafName})
	} else {
		_, err = store.Add(pair.Cert.Raw, "")
	}
	if err == nil {
		err = store.addLists(r.Lists, pair.Cert)
	}
	return errors.Join(translate(banned), translate(err))
}

// Withdraw removes a certificate of devcert's profile from one store, from My
// with its key, from CA with its lists.
func (Machine) Withdraw(ctx context.Context, r WithdrawRequest, _ func()) error {
	k, lists, err := r.accept()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	store := Store{Location: LocalMachine, Name: k.in}
	if err := store.dropLists(lists); err != nil { // first: the certificate says that they are ours
		return translate(err)
	}
	_, err = store.Delete(r.DER, k.in == My)
	return translate(err)
}
