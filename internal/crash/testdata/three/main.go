// Command three passes three points, and two that do not count.
package main

import (
	"context"
	"fmt"

	"github.com/teei/slipway/internal/crash"
)

func main() {
	ctx := context.Background()
	crash.Point(ctx, "first")
	crash.Point(crash.Quiet(ctx), "by the clock")
	crash.Point(ctx, "before write")
	crash.Point(ctx, "before write") // the first try did nothing
	fmt.Println("between")
	crash.Point(ctx, "after write")
}
