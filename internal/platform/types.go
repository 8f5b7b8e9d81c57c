// Package platform is slipway.yaml: what a team's platform is made of, read,
// validated and explained. Nothing else in Slipway knows a service by name.
package platform

//go:generate go run ./schema

// Platform is a whole slipway.yaml.
type Platform struct {
	// Version of this file's format. Only 1 exists.
	Version int `yaml:"version"`
	// Name of the platform: lower case, used in image names and labels.
	Name string `yaml:"name"`
	// Toolchain the checks run in.
	Toolchain Toolchain `yaml:"toolchain,omitempty"`
	// Checks by name: test, e2e, typecheck, lint and build. Absent ones are skipped.
	Checks map[string]Check `yaml:"checks,omitempty"`
	// Infrastructure the platform needs: postgres, clickhouse, redis, nats. Each is optional.
	Infrastructure map[string]Infrastructure `yaml:"infrastructure,omitempty"`
	// Database that releases back up and migrate.
	Database *Database `yaml:"database,omitempty"`
	// Variables every environment must have.
	Variables []Variable `yaml:"variables,omitempty"`
	// Services of the platform.
	Services []Service `yaml:"services"`
	// Order in which services are released, by name. Default: the order of services, each moved behind those it comes after.
	Order []string `yaml:"order,omitempty"`
	// Together lists groups of services that are released at the same time; they stand side by side in the order. Absent: one at a time.
	Together [][]string `yaml:"together,omitempty"`
	// Deadline by which each service has to be healthy after it was written, and each other workload of the manifests; also when it goes back. Default: 3m.
	Deadline Duration `yaml:"deadline,omitempty"`
	// Manifests: where the Kubernetes objects come from.
	Manifests Manifests `yaml:"manifests,omitempty"`
	// Verify: what else a service with new pods has to show before the next one begins.
	Verify Verify `yaml:"verify,omitempty"`
	// Watch says what happens in the day after a release.
	Watch Watch `yaml:"watch,omitempty"`
	// Flows a user takes through the platform, tried after a release.
	Flows []Flow `yaml:"flows,omitempty"`
	// Registry that images are pushed to, host and path; $NAME is read from the environment.
	Registry string `yaml:"registry,omitempty"`
	// Environments that can be released to with --env.
	Environments map[string]Environment `yaml:"environments,omitempty"`

	// Root is the folder slipway.yaml lies in. Set by Load.
	Root string `yaml:"-"`
}

// Verify is what a service with new pods has to show, beside being healthy, and what all of them have to show together.
type Verify struct {
	// Settle is how long it has to stay available without a restart. Default: 10s.
	Settle *Duration `yaml:"settle,omitempty"`
	// Logs of the new pods must have no critical line. Absent: they are not looked at.
	Logs *Logs `yaml:"logs,omitempty"`
	// Metrics of the services must not show more errors or slower answers. Absent: they are not looked at.
	Metrics *Metrics `yaml:"metrics,omitempty"`
	// Inside lists commands run in the cluster once all services are healthy, for example one that reaches the servers from in there, with the platform's own secrets.
	Inside []Command `yaml:"inside,omitempty"`
}

// Logs say which lines are critical.
type Logs struct {
	// Levels of lines in JSON that are. Default: error, fatal.
	Levels []string `yaml:"levels,omitempty"`
	// Patterns (regular expressions of Go) of lines that are, in whatever form.
	Patterns []string `yaml:"patterns,omitempty"`
	// Allow lists patterns of lines that never are.
	Allow []string `yaml:"allow,omitempty"`
}

// Toolchain is the container that checks run in.
type Toolchain struct {
	// Image with the tools. Default: node:22-bookworm-slim.
	Image string `yaml:"image,omitempty"`
	// PackageManager and its exact version, such as pnpm@10.34.8 (default: packageManager in package.json). Without pnpm, give install.
	PackageManager string `yaml:"packageManager,omitempty"`
	// Install command for repositories without pnpm, such as npm ci.
	Install string `yaml:"install,omitempty"`
	// Manifests are the files that install depends on, as patterns. Default: lockfiles and every package.json.
	Manifests []string `yaml:"manifests,omitempty"`
}

// Check is a command that must succeed before anything is released.
type Check struct {
	// Run is the command, given to sh -c in the root of the workspace.
	Run string `yaml:"run"`
	// Needs names infrastructure started for this check alone.
	Needs []string `yaml:"needs,omitempty"`
	// Before runs first, once the infrastructure answers; for example the migrations.
	Before string `yaml:"before,omitempty"`
	// Env sets further variables, which are not secret. The workspace is /home/platform there.
	Env map[string]string `yaml:"env,omitempty"`
	// Affected is the command for what a change can reach, by --affected or since run passed here before: {filters} becomes one --filter=NAME for each package reached, {filters...} also for those that they need, {folders} their folders. Default: run.
	Affected string `yaml:"affected,omitempty"`
	// Cache names folders of the workspace that are kept from run to run, such as those of incremental compilers. --no-cache leaves them out.
	Cache []string `yaml:"cache,omitempty"`
	// Timeout as in 10m. Default: --timeout.
	Timeout Duration `yaml:"timeout,omitempty"`
}

// Infrastructure is a server the services talk to.
type Infrastructure struct {
	// Image it runs from in checks and in dev.
	Image string `yaml:"image"`
	// Port it listens on. Default: the usual one, such as 5432.
	Port int `yaml:"port,omitempty"`
	// Variable that holds its URL. Default: DATABASE_URL, CLICKHOUSE_URL, REDIS_URL or NATS_URL.
	Variable string `yaml:"variable,omitempty"`
}

// Database that releases back up and migrate.
type Database struct {
	// URL is the variable that holds the address. Default: DATABASE_URL.
	URL string `yaml:"url,omitempty"`
	// Migrate applies what is pending, such as pnpm db:migrate.
	Migrate string `yaml:"migrate"`
	// Plan generates the migration that the schema in the code still lacks; run in a scratch copy, it must change nothing.
	Plan string `yaml:"plan,omitempty"`
	// Migrations is the folder of the SQL files and their journal.
	Migrations string `yaml:"migrations"`
	// Package is the workspace package the migrate image is made from.
	Package string `yaml:"package,omitempty"`
	// Journal is the table that records what was applied. Default: drizzle.__drizzle_migrations.
	Journal string `yaml:"journal,omitempty"`
	// OnFailure says what a release that fails after its migrations does with the database by itself: keep the migrated schema, or restore the backup of the plan, which loses what was written since. Default: keep.
	OnFailure string `yaml:"onFailure,omitempty"`
	// Command runs the migrations in the migrate image, for example [dist/migrate.js].
	Command []string `yaml:"command,omitempty"`
}

// What a release that fails after its migrations does with the database by itself.
const (
	Keep    = "keep"
	Restore = "restore"
)

// Variable that every environment must have.
type Variable struct {
	// Name of the variable.
	Name string `yaml:"name"`
	// Format: string, url, postgres-url, http-url, redis-url, nats-url, or a regular expression between slashes.
	Format string `yaml:"format,omitempty"`
	// MinLength of the value, in characters.
	MinLength int `yaml:"minLength,omitempty"`
	// RotateEvery is how old a value may become in an environment with a gate, as in 2160h. Absent: as old as it likes.
	RotateEvery Duration `yaml:"rotateEvery,omitempty"`
	// Secret values are never shown. Default: true.
	Secret *bool `yaml:"secret,omitempty"`
}

// Service is one deployable part of the platform.
type Service struct {
	// Name of the service and of its Deployment.
	Name string `yaml:"name"`
	// Port it listens on.
	Port int `yaml:"port"`
	// Path of its package in the workspace.
	Path string `yaml:"path,omitempty"`
	// Health is the path that answers 2xx when it can serve. Default: /health.
	Health string `yaml:"health,omitempty"`
	// Image: how it is made. Default: from its workspace package.
	Image Image `yaml:"image,omitempty"`
	// After names services that must be released before this one.
	After []string `yaml:"after,omitempty"`
	// Deadline by which this service has to be healthy, instead of the platform's.
	Deadline Duration `yaml:"deadline,omitempty"`
	// Hooks are commands before and after its release.
	Hooks Hooks `yaml:"hooks,omitempty"`
	// Dev starts the service in `ci dev`. Default: pnpm --filter ./PATH dev.
	Dev string `yaml:"dev,omitempty"`
}

// Image says how a service's image is made: from its workspace package (the
// default), from a Dockerfile, or not at all.
type Image struct {
	// Base of an image made from a workspace package. Default: gcr.io/distroless/nodejs22-debian12:nonroot.
	Base string `yaml:"base,omitempty"`
	// Command run by the base's entrypoint. Default: [dist/main.js].
	Command []string `yaml:"command,omitempty"`
	// Dockerfile, relative to the service's path, instead of the workspace package.
	Dockerfile string `yaml:"dockerfile,omitempty"`
	// Context of the Dockerfile, relative to the root, for one that needs more than its service's path; without what its .dockerignore lists, which counts for nothing else. Default: that path.
	Context string `yaml:"context,omitempty"`
	// Reference of an image that exists already, by digest.
	Reference string `yaml:"reference,omitempty"`
}

// Manifests says where the Kubernetes objects come from: exactly one of them.
type Manifests struct {
	// Kustomize folder. An environment's overlay replaces it.
	Kustomize string `yaml:"kustomize,omitempty"`
	// Files with plain objects, as patterns.
	Files []string `yaml:"files,omitempty"`
	// Command that prints YAML, such as helm template; runs in the toolchain image.
	Command string `yaml:"command,omitempty"`
	// Hashed releases each ConfigMap that pods refer to under a name with a hash of its content: a change replaces the pods, and going back finds the old one. Default: false.
	Hashed bool `yaml:"hashed,omitempty"`
	// Namespace that the manifests are written for: what names it goes into the environment's. What names any other than the environment's is refused. Default: none.
	Namespace string `yaml:"namespace,omitempty"`
	// Hooks of Helm and Argo CD among the manifests, and what Flux, kapp and kustomize are told not to apply: refuse the release, or exclude them from it. Default: refuse.
	Hooks string `yaml:"hooks,omitempty"`
}

// What becomes of hooks of other tools among the manifests.
const (
	Refuse  = "refuse"
	Exclude = "exclude"
)

// Environment is one place that releases go to.
type Environment struct {
	// Kubeconfig is the variable that holds the path of the kubeconfig. Default: KUBECONFIG.
	Kubeconfig string `yaml:"kubeconfig,omitempty"`
	// Context in the kubeconfig. Default: its current one.
	Context string `yaml:"context,omitempty"`
	// Namespace of the platform. Default: the platform's name and the environment's, as in teei-staging.
	Namespace string `yaml:"namespace,omitempty"`
	// Overlay is the Kustomize folder of this environment.
	Overlay string `yaml:"overlay,omitempty"`
	// Registry that images are pushed to, instead of the platform's.
	Registry string `yaml:"registry,omitempty"`
	// Variables maps a required variable to the one of the shell that holds this environment's value, such as DATABASE_URL: PROD_DATABASE_URL. Default: the one of the same name.
	Variables map[string]string `yaml:"variables,omitempty"`
	// History is how many releases the ledger keeps; the one that the environment is at and the one before it are always kept. Default: 50.
	History int `yaml:"history,omitempty"`
	// SealBackups are public keys of age, such as age1…: `ci backup` encrypts each backup for them, so that the run of a workflow can keep it. Who has the private half of one can go back to it.
	SealBackups []string `yaml:"sealBackups,omitempty"`
	// Gate says what a release has to show before it may begin. Absent: nothing.
	Gate *Gate `yaml:"gate,omitempty"`
	// Notify says who is told of its releases.
	Notify []Notification `yaml:"notify,omitempty"`
	// Acceptance tries it from outside once it was released: `ci accept`.
	Acceptance *Acceptance `yaml:"acceptance,omitempty"`
	// GitHub says what it shows of the releases. Absent: nothing but its own.
	GitHub *GitHub `yaml:"github,omitempty"`
}
