// Package distconsts stands in for the package of the same name that Dagger's
// release build uses and does not publish. The names are the engine's; the
// paths say where the sandbox puts the binaries.
package distconsts

const (
	EngineContainerName = "dagger-engine.dev"

	// The engine finds runc and its init here; `testenv up` links them.
	RuncPath       = "/run/slipway/engine/runc"
	DaggerInitPath = "/run/slipway/engine/dagger-init"

	EngineDefaultStateDir            = "/var/lib/dagger"
	DefaultEngineSockAddr            = "unix:///run/slipway/engine/engine.sock"
	EngineContainerBuiltinContentDir = "/run/slipway/engine/content"

	GoSDKManifestDigestEnvName         = "DAGGER_GO_SDK_MANIFEST_DIGEST"
	PythonSDKManifestDigestEnvName     = "DAGGER_PYTHON_SDK_MANIFEST_DIGEST"
	TypescriptSDKManifestDigestEnvName = "DAGGER_TYPESCRIPT_SDK_MANIFEST_DIGEST"

	AlpineVersion = "3.20.2"
	AlpineImage   = "alpine:" + AlpineVersion
	GolangVersion = "1.23.6"
	GolangImage   = "golang:" + GolangVersion + "-alpine"
	BusyboxImage  = "busybox:1.37.0-musl"

	OCIVersionAnnotation = "org.opencontainers.image.version"
)
