//! A real OpenLDAP server, filled from LDIF.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::command::run;
use super::company::{BASE_DN, Company};
use super::process::{Process, free_port};
use super::tls::Authority;
use super::{temporary_folder, tools};

/// The account to sync with: it may read everything, and the server's limits hold for it.
pub const BIND_DN: &str = "cn=sync,dc=acme,dc=test";
/// The password of [`BIND_DN`]; a test that looks for leaked secrets can look for it.
pub const BIND_PASSWORD: &str = "sync-3f1c9a-password";

/// The server's own administrator, for changes; limits do not hold for it.
const ADMIN_DN: &str = "cn=admin,dc=acme,dc=test";
const ADMIN_PASSWORD: &str = "admin-password";

/// What may differ between two servers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The most entries that one search may return, over all of its pages; `None` is no limit.
    pub size_limit: Option<u32>,
}

/// A running OpenLDAP server, with and without TLS.
pub struct Slapd {
    process: Process,
    port: u16,
    tls_port: u16,
    authority: Authority,
    config: PathBuf,
    folder: TempDir,
}

impl Slapd {
    /// Loads the company, starts the server and returns when it accepts connections.
    pub async fn start(company: &Company, options: Options) -> Self {
        let folder = temporary_folder();
        let authority = Authority::new("Acme test CA");
        let config = configure(folder.path(), &authority, options);
        load(folder.path(), &config, company).await;
        let (port, tls_port) = (free_port(), free_port());
        let process = launch(&config, port, tls_port, folder.path()).await;
        Self {
            process,
            port,
            tls_port,
            authority,
            config,
            folder,
        }
    }

    /// `ldap://127.0.0.1:PORT`: without TLS, and for StartTLS.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// `ldaps://127.0.0.1:PORT`: TLS from the first byte.
    pub fn tls_url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.tls_port)
    }

    /// The certificate of the authority that signed the server's, PEM.
    pub fn ca_certificate(&self) -> String {
        self.authority.certificate()
    }

    /// The server itself: to kill, to freeze (`signal("STOP")`), to read what it wrote.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Starts the server again after it was killed: same ports, same data.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = launch(&self.config, self.port, self.tls_port, self.folder.path()).await;
    }

    /// Changes the directory while it runs: LDIF change records (`changetype: add`, `modify`, `delete`, `modrdn`).
    pub async fn modify(&self, ldif: &str) {
        let url = self.url();
        let arguments = ["-x", "-H", &url, "-D", ADMIN_DN, "-w", ADMIN_PASSWORD];
        run(&tools::tool("ldapmodify"), arguments, &[], ldif).await.success();
    }
}

/// Writes the server's configuration and the files it names.
fn configure(folder: &Path, authority: &Authority, options: Options) -> PathBuf {
    let write = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).expect("the folder is writable");
        path.display().to_string()
    };
    let identity = authority.server();
    let ca = write("ca.crt", &authority.certificate());
    let certificate = write("server.crt", &identity.certificate);
    let key = write("server.key", &identity.key);
    let data = folder.join("data");
    std::fs::create_dir(&data).expect("the folder is writable");

    let mut config = String::new();
    let schema = tools::beside("slapd", "schema");
    for name in ["core", "cosine", "inetorgperson", "nis"] {
        writeln!(config, "include {}/{name}.schema", schema.display()).expect("a string can be written to");
    }
    let modules = tools::beside("slapd", "modules");
    let limit = options
        .size_limit
        .map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    write!(
        config,
        "modulepath {modules}\nmoduleload back_mdb\n\
         pidfile {folder}/slapd.pid\nargsfile {folder}/slapd.args\n\
         TLSCACertificateFile {ca}\nTLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}\n\
         sizelimit {limit}\n\
         database mdb\nmaxsize 4294967296\ndbnosync\ndirectory {data}\n\
         suffix \"{BASE_DN}\"\nrootdn \"{ADMIN_DN}\"\nrootpw {ADMIN_PASSWORD}\n\
         index objectClass,uid,mail,entryUUID,entryCSN eq\n\
         access to attrs=userPassword by anonymous auth by * none\n\
         access to * by dn.exact=\"{BIND_DN}\" read by * none\n",
        modules = modules.display(),
        folder = folder.display(),
        data = data.display(),
    )
    .expect("a string can be written to");
    PathBuf::from(write("slapd.conf", &config))
}

/// Fills the database before the server runs, which is a hundred times faster than adding entry by entry.
async fn load(folder: &Path, config: &Path, company: &Company) {
    let account = format!(
        "dn: {BIND_DN}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: sync\n\
         userPassword: {BIND_PASSWORD}\n"
    );
    let data = folder.join("data.ldif");
    std::fs::write(&data, format!("{}{account}", company.ldif())).expect("the folder is writable");
    let arguments = [Path::new("-q"), Path::new("-f"), config, Path::new("-l"), &data];
    run(&tools::tool("slapadd"), arguments, &[], "").await.success();
    std::fs::remove_file(data).expect("our own file can be removed");
}

async fn launch(config: &Path, port: u16, tls_port: u16, folder: &Path) -> Process {
    let mut command = Command::new(tools::tool("slapd"));
    // Any debug level keeps it in the foreground; this one writes what is important only.
    command.args([
        "-d",
        "none",
        "-h",
        &format!("ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{tls_port}/"),
        "-f",
    ]);
    let mut process = Process::start("slapd", command.arg(config), folder);
    let connect = async || TcpStream::connect(("127.0.0.1", port)).await.ok();
    process.ready(Duration::from_secs(30), connect).await;
    process
}
