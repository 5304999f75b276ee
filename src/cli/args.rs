//! What can be typed: the one definition from which `--help`, the completions and the reference page are made.

// Doc comments of arguments are shown by `--help`, which knows no Markdown.
#![expect(clippy::doc_markdown)]

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};
use secrecy::SecretString;

use crate::http::HostPattern;

/// Keeps a platform's users, teams, roles and inboxes in step with a company's directory.
#[derive(Debug, Parser)]
#[command(name = "directory-sync", version, propagate_version = true, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 nothing to do, or done · 2 changes are planned, or a plan is held · 1 an error, or \
                        something failed · 64 wrong usage"
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How log lines are written (to standard error).
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        env = "DIRECTORY_SYNC_LOG_FORMAT"
    )]
    pub log_format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator: watch the custom resources of a cluster and keep platforms in step.
    #[command(
        after_help = "Examples:\n  directory-sync controller --http-listen 0.0.0.0:8080 --allow-host '*.acme.test'\n  \
                      directory-sync controller --observe-only --allow-loopback --allow-insecure"
    )]
    Controller(ControllerArguments),
    /// Show what a sync would change, and change nothing. Needs no cluster.
    #[command(after_help = "Examples:\n  directory-sync plan -f examples/quickstart\n  \
                            kubectl get dirconn,gmap,secret,configmap -o yaml | directory-sync plan -f - -o json\n  \
                            directory-sync plan --held --store sqlite:///var/lib/directory-sync/store.db -n acme directory")]
    Plan(PlanArguments),
    /// Sync once. Needs no cluster.
    #[command(after_help = "Examples:\n  directory-sync sync -f examples/quickstart\n  \
                            directory-sync sync -f company.yaml \\\n    --approve \
                            6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b")]
    Sync(SyncArguments),
    /// Give back what one sync took: reactivate people and put them back into teams, inboxes and roles. Needs no cluster.
    #[command(
        after_help = "Examples:\n  directory-sync restore 0196f0a1c3d2-5f1e2d3c4b5a6978 --dry-run \\\n    \
                            --store sqlite:///var/lib/directory-sync/store.db -f company.yaml\n  \
                            directory-sync restore 0196f0a1c3d2-5f1e2d3c4b5a6978 \\\n    \
                            --store postgres://sync@db.acme.test/sync -f company.yaml"
    )]
    Restore(RestoreArguments),
    /// Copy the store, or put a copy in its place, while the operator runs.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Try both ends and say what is missing, or explain one person.
    #[command(after_help = "Examples:\n  directory-sync check -f examples/ldap\n  \
                            directory-sync check -f examples/quickstart --user ann.archer@acme.test")]
    Check(CheckArguments),
    /// Print the custom resource definitions.
    #[command(after_help = "Example:\n  directory-sync crds | kubectl apply --server-side -f -")]
    Crds,
    /// The reference platform.
    #[command(subcommand)]
    Platform(PlatformCommand),
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  directory-sync completions bash > /etc/bash_completion.d/directory-sync")]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the version.
    #[command(after_help = "Example:\n  directory-sync version")]
    Version,
}

/// Which hosts connections may reach.
#[derive(Clone, Debug, Args)]
pub struct NetworkArguments {
    /// A host that connections may reach: a name, or *.domain for all below it. May be repeated. Without it every host
    /// may be reached but link-local and metadata addresses, which never may.
    #[arg(long = "allow-host", value_name = "HOST")]
    pub allow_hosts: Vec<HostPattern>,
    /// Let connections reach this machine.
    #[arg(long)]
    pub allow_loopback: bool,
    /// Let connections use http:// and ldap:// without TLS, where their specification says so.
    #[arg(long)]
    pub allow_insecure: bool,
}

/// Where durable state is.
#[derive(Clone, Debug, Args)]
pub struct StoreArguments {
    /// Where durable state is kept: sqlite:///PATH (made when it isn't there) or postgres://USER@HOST/DATABASE. Without it
    /// nothing is remembered beyond the process but what the platform's marks say.
    #[arg(long, value_name = "URL", env = "DIRECTORY_SYNC_STORE", hide_env_values = true, value_parser = secret)]
    pub store: Option<SecretString>,
    /// A file with the password of the store's server; it wins over the one in the URL.
    #[arg(long, value_name = "FILE", env = "DIRECTORY_SYNC_STORE_PASSWORD_FILE")]
    pub store_password_file: Option<PathBuf>,
}

/// What to do with the store.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Write a copy of a store in a file, beside the operator that uses it.
    #[command(
        after_help = "Examples:\n  directory-sync store backup --store sqlite:///var/lib/directory-sync/store.db > backup.db\n  \
                            directory-sync store backup --store sqlite:///var/lib/directory-sync/store.db backup.db"
    )]
    Backup(CopyArguments),
    /// Put a copy in the place of a store in a file. An operator that runs goes on with the copy.
    #[command(
        after_help = "Examples:\n  directory-sync store restore --store sqlite:///var/lib/directory-sync/store.db < backup.db\n  \
                            directory-sync store restore --store sqlite:///var/lib/directory-sync/store.db backup.db"
    )]
    Restore(CopyArguments),
}

/// Which store, and where its copy is.
#[derive(Debug, Args)]
pub struct CopyArguments {
    /// The copy. Without it standard output and standard input.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Which store.
    #[command(flatten)]
    pub store: StoreArguments,
}

#[allow(clippy::unnecessary_wraps, reason = "the signature that clap calls")]
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

/// The most syncs at once: the threads that they have are half of those that tokio lends (512), and names are looked up on the
/// others.
const MAX_SYNCS: i64 = 256;

/// How to run the operator.
#[derive(Debug, Args)]
pub struct ControllerArguments {
    /// Where /metrics, /healthz and /readyz are served.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub http_listen: SocketAddr,
    /// Watch this namespace alone, which then is the only one where rights are needed. Without it all are watched.
    #[arg(long, value_name = "NAMESPACE", value_parser = NonEmptyStringValueParser::new())]
    pub namespace: Option<String>,
    /// How many syncs run at once. Each holds its directory in memory, and has a thread of its own.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=MAX_SYNCS))]
    pub max_syncs: u16,
    /// Work out and report every plan, and write nothing to any platform, whatever connections say.
    #[arg(long)]
    pub observe_only: bool,
    /// No connection may remove more than this percentage, whatever it says; a minPopulation above 20 counts as 20 then.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub removals_max_percent: Option<u8>,
    /// No connection may remove more than this many of one kind, whatever it says.
    #[arg(long, value_name = "N")]
    pub removals_max_count: Option<u32>,
    /// The most memory, in MiB, that one sync may take for what it reads of its directory; 512 are enough for a million people
    /// with ten memberships each.
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub read_memory_mib: u32,
    /// Where durable state is.
    #[command(flatten)]
    pub store: StoreArguments,
    /// Which hosts connections may reach.
    #[command(flatten)]
    pub network: NetworkArguments,
}

/// Where the specification is.
#[derive(Debug, Args)]
pub struct ManifestArguments {
    /// A YAML file, a folder of them, or - for standard input: connections, mappings, and the Secrets and ConfigMaps
    /// that they name. May be repeated.
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR")]
    pub filenames: Vec<PathBuf>,
    /// Which connection, where there are several: NAME, or NAMESPACE/NAME where two have one name.
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,
    /// Take a local file in the place of a key of a ConfigMap or Secret that the connection names. May be repeated.
    #[arg(long = "file", value_name = "OBJECT/KEY=PATH", value_parser = parse_replacement)]
    pub files: Vec<Replacement>,
    /// A host that the connection may reach; without it every host but link-local and metadata addresses.
    #[arg(long = "allow-host", value_name = "HOST")]
    pub allow_hosts: Vec<HostPattern>,
}

/// A local file in the place of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Name of the ConfigMap or Secret.
    pub object: String,
    /// Its key.
    pub key: String,
    /// The file.
    pub path: PathBuf,
}

fn parse_replacement(text: &str) -> Result<Replacement, String> {
    let expected = || format!("{text:?} is not OBJECT/KEY=PATH, for example company/people.csv=people.csv");
    let (reference, path) = text.split_once('=').ok_or_else(expected)?;
    let (object, key) = reference.split_once('/').ok_or_else(expected)?;
    if object.is_empty() || key.is_empty() || path.is_empty() {
        return Err(expected());
    }
    Ok(Replacement {
        object: object.to_owned(),
        key: key.to_owned(),
        path: path.into(),
    })
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people; coloured on a terminal.
    Table,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

/// What goes with -f alone. `requires` is not enough: clap drops it where the required argument conflicts with another.
const OF_MANIFESTS: [&str; 4] = ["filenames", "connection", "files", "allow_hosts"];

/// What to plan.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Where the specification is.
    #[command(flatten)]
    pub manifests: ManifestArguments,
    /// How the plan is written.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Output,
    /// Show the plans that the operator holds, with every removal, as its store has them; nothing is worked out.
    #[arg(long, conflicts_with_all = OF_MANIFESTS)]
    pub held: bool,
    /// With --held: the namespace of the connection; without it "default" for a NAME, and all of them without one.
    #[arg(short, long, value_name = "NAMESPACE", requires = "held", conflicts_with_all = OF_MANIFESTS)]
    pub namespace: Option<String>,
    /// With --held: the connection, NAME or NAMESPACE/NAME; without it all of them.
    #[arg(value_name = "CONNECTION", requires = "held", conflicts_with_all = OF_MANIFESTS)]
    pub held_connection: Option<String>,
    /// Where durable state is.
    #[command(flatten)]
    pub store: StoreArguments,
}

/// What to sync.
#[derive(Debug, Args)]
pub struct SyncArguments {
    /// Where the specification is.
    #[command(flatten)]
    pub manifests: ManifestArguments,
    /// How the report is written.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Output,
    /// Carry out a held plan: the one with this hash, as plan and a held sync print it.
    #[arg(long, value_name = "HASH", value_parser = parse_hash)]
    pub approve: Option<String>,
    /// Where durable state is.
    #[command(flatten)]
    pub store: StoreArguments,
}

/// What to give back.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// The sync that took it: its id, as reports, statuses and events name it.
    #[arg(value_name = "SYNC_ID")]
    pub sync: String,
    /// Where the specification is.
    #[command(flatten)]
    pub manifests: ManifestArguments,
    /// Show what would be given back, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// How the report is written.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Output,
    /// Carry out a held plan: the one with this hash, as a held restore prints it.
    #[arg(long, value_name = "HASH", value_parser = parse_hash)]
    pub approve: Option<String>,
    /// Where durable state is.
    #[command(flatten)]
    pub store: StoreArguments,
}

fn parse_hash(text: &str) -> Result<String, String> {
    let text = text.trim().to_ascii_lowercase();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text)
    } else {
        Err("a plan's hash has 64 hexadecimal digits; `directory-sync plan` prints it whole".to_owned())
    }
}

/// What to check.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Where the specification is.
    #[command(flatten)]
    pub manifests: ManifestArguments,
    /// How the findings are written.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Output,
    /// Explain one person: where found, whether in scope, which mappings, what would change.
    #[arg(long, value_name = "EMAIL")]
    pub user: Option<String>,
}

/// The reference platform.
#[derive(Debug, Subcommand)]
pub enum PlatformCommand {
    /// Serve the platform contract from a database file: for trying out, examples and tests.
    #[command(after_help = "Example:\n  echo secret > token.txt\n  directory-sync platform serve \
                            --listen 127.0.0.1:8480 --database platform.db --token-file token.txt")]
    Serve(ServeArguments),
}

/// How to serve the reference platform.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Where to listen; port 0 takes a free one and prints it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8480")]
    pub listen: SocketAddr,
    /// The SQLite database; created when it doesn't exist.
    #[arg(long, value_name = "FILE")]
    pub database: PathBuf,
    /// Who may call: one token a line, see docs/platforms/rest.md.
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// Answer at most this many requests a second, others with 429.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// How many active users there may be.
    #[arg(long, value_name = "N")]
    pub seats: Option<u32>,
}

/// How long a command waits for what is under way when it is interrupted; interrupted once more, it waits no longer.
pub const GRACE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn syncs_leave_threads_for_looking_up_names() {
        let parse = |count: &str| Arguments::try_parse_from(["directory-sync", "controller", "--max-syncs", count]);
        assert!(parse("256").is_ok());
        for wrong in ["0", "257", "512"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_namespace_at_all_is_not_a_namespace() {
        let arguments = ["directory-sync", "controller", "--namespace", ""];
        assert!(Arguments::try_parse_from(arguments).is_err());
    }

    #[test]
    fn what_says_which_held_plan_is_meant_goes_with_held_alone() {
        let parse = |arguments: &[&str]| Arguments::try_parse_from(["directory-sync", "plan"].iter().chain(arguments));
        assert!(parse(&["--held", "-n", "acme", "directory"]).is_ok());
        for wrong in [
            &["-n", "acme"][..],
            &["directory"],
            &["-n", "acme", "-f", "company.yaml"],
            &["directory", "-f", "company.yaml"],
            &["--held", "-f", "company.yaml"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn help_is_free_of_markdown() {
        let mut commands = vec![Arguments::command()];
        while let Some(mut command) = commands.pop() {
            commands.extend(command.get_subcommands().cloned());
            let help = command.render_long_help().to_string();
            assert!(!help.contains('`'), "{help}");
        }
    }

    #[test]
    fn a_local_file_takes_the_place_of_a_key() {
        let replacement = parse_replacement("company/people.csv=/tmp/a=b.csv").unwrap();
        assert_eq!(replacement.object, "company");
        assert_eq!(replacement.key, "people.csv");
        assert_eq!(replacement.path, PathBuf::from("/tmp/a=b.csv"));
        for wrong in ["", "people.csv", "company/=x", "/k=x", "company/k="] {
            assert!(parse_replacement(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_hash_is_taken_whole_or_not_at_all() {
        assert!(parse_hash(&"A".repeat(64)).is_ok());
        assert!(parse_hash("6b86b273ff34").is_err());
    }
}
