package release

import "context"

// leave lets others release to the namespace, once nothing of ours runs there. An
// uninstall does not fail because that could not be said.
func (o *Options) leave(ctx context.Context) {
	if err := o.Ledger.Disclaim(ctx); err != nil {
		o.say("! %v", err)
	}
}
