package rollout

import "sync"

// inParallel acts on each of these, eight at a time.
func inParallel[T any](all []T, act func(i int, one T)) {
	var work sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i, one := range all {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			act(i, one)
		})
	}
	work.Wait()
}
