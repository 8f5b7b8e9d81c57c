package ledger

// movedNote is the annotation of what a move left behind in a former ledger, with
// the namespace that its records are in now.
const movedNote = "slipway.dev/moved-to"
