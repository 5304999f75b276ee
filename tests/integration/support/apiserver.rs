//! A real Kubernetes API server, with etcd and the few controllers that objects without pods need.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::command::{Finished, run};
use super::process::{Process, free_port};
use super::tls::{Authority, signing_keys};
use super::{init_tls, temporary_folder, tools};

/// How long a server may take to start: 3 s on two idle cores, many times that beside other tests.
const PATIENCE: Duration = Duration::from_mins(2);
const ADMIN_TOKEN: &str = "admin-token";

/// A running API server. Pods never run on it.
pub struct ApiServer {
    // Stopped in this order.
    _manager: Process,
    apiserver: Process,
    _etcd: Process,
    port: u16,
    etcd_url: String,
    authority: Authority,
    namespaces: AtomicU32,
    folder: TempDir,
}

impl ApiServer {
    /// The server that all tests of this binary share; the first to ask starts it. Make a namespace of your own in it.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<ApiServer> = OnceCell::const_new();
        SHARED.get_or_init(Self::start_private).await
    }

    /// A server for one test alone: for cluster-wide objects that would disturb others, and to stop and restart.
    pub async fn start_private() -> Self {
        init_tls();
        let folder = temporary_folder();
        let authority = Authority::new("API server test CA");
        let (port, etcd_port, peer_port) = (free_port(), free_port(), free_port());
        write_identity(folder.path(), &authority);
        let etcd_url = format!("http://127.0.0.1:{etcd_port}");
        // The API server waits for etcd, and the controllers wait for the API server.
        let etcd = start_etcd(folder.path(), &etcd_url, peer_port);
        let apiserver = start_apiserver(folder.path(), &etcd_url, port);
        let admin = kubeconfig(port, &authority, &json!({ "token": ADMIN_TOKEN }));
        std::fs::write(folder.path().join("admin.kubeconfig"), admin).expect("the folder is writable");
        let manager = start_manager(folder.path());
        let namespaces = AtomicU32::new(0);
        let mut server = Self {
            _manager: manager,
            apiserver,
            _etcd: etcd,
            port,
            etcd_url,
            authority,
            namespaces,
            folder,
        };
        server.ready().await;
        server
    }

    /// The kubeconfig file of an administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("admin.kubeconfig")
    }

    /// An administrator's client. Each test makes its own: a client belongs to the runtime it was made in.
    pub async fn client(&self) -> Client {
        client(&self.kubeconfig()).await
    }

    /// A new namespace whose name begins with `prefix`.
    pub async fn namespace(&self, prefix: &str) -> Namespace<'_> {
        self.namespace_named(format!("{prefix}-{}", self.namespaces.fetch_add(1, Ordering::Relaxed)))
            .await
    }

    /// A new namespace of this name.
    pub async fn namespace_named(&self, name: String) -> Namespace<'_> {
        self.kubectl(&["create", "namespace", &name]).await.success();
        Namespace {
            server: self,
            client: self.client().await,
            name,
        }
    }

    /// Runs kubectl as an administrator.
    pub async fn kubectl(&self, arguments: &[&str]) -> Finished {
        self.run("kubectl", &self.kubeconfig(), arguments, "").await
    }

    /// Runs `kubectl apply --server-side -f -` as an administrator, with YAML as its input.
    pub async fn apply(&self, yaml: &str) -> Finished {
        self.run(
            "kubectl",
            &self.kubeconfig(),
            &["apply", "--server-side", "-f", "-"],
            yaml,
        )
        .await
    }

    /// Runs kubectl or helm as whoever a kubeconfig file names, with `input` as its standard input.
    pub async fn run(&self, program: &str, kubeconfig: &Path, arguments: &[&str], input: &str) -> Finished {
        // Their caches go to a home of their own, not to that of whoever runs the tests.
        let home = self.folder.path();
        run(
            &tools::tool(program),
            arguments,
            &[("KUBECONFIG", kubeconfig), ("HOME", home)],
            input,
        )
        .await
    }

    /// The kubeconfig file of a user of this name, in one group or none, who may do what roles bound to them allow.
    pub fn user_kubeconfig(&self, name: &str, group: Option<&str>) -> PathBuf {
        let identity = self.authority.user(name, group);
        let credentials = json!({
            "client-certificate-data": base64(&identity.certificate),
            "client-key-data": base64(&identity.key),
        });
        self.write_kubeconfig(&format!("user-{name}"), &credentials)
    }

    /// The kubeconfig file of a `ServiceAccount` that exists, with a token from the server that holds for an hour.
    pub async fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> PathBuf {
        let arguments = ["create", "token", name, "--namespace", namespace, "--duration", "1h"];
        let token = self.kubectl(&arguments).await.success();
        self.write_kubeconfig(&format!("{namespace}-{name}"), &json!({ "token": token.trim() }))
    }

    /// Kills the API server as a crash would; etcd keeps what it stored.
    pub fn kill(&mut self) {
        self.apiserver.kill();
    }

    /// Starts the API server again where it was, and returns when it is ready.
    pub async fn restart(&mut self) {
        self.kill();
        self.apiserver = start_apiserver(self.folder.path(), &self.etcd_url, self.port);
        self.ready().await;
    }

    async fn ready(&mut self) {
        let client = self.client().await;
        let answer = async || {
            let request = http::Request::get("/readyz")
                .body(Vec::new())
                .expect("a path is a valid request");
            // The client retries for longer than we want to wait between two looks at the process.
            tokio::time::timeout(Duration::from_secs(1), client.request_text(request))
                .await
                .ok()?
                .ok()
        };
        self.apiserver.ready(PATIENCE, answer).await;
    }

    fn write_kubeconfig(&self, name: &str, credentials: &Value) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.kubeconfig"));
        let content = kubeconfig(self.port, &self.authority, credentials);
        std::fs::write(&path, content).expect("the folder is writable");
        path
    }
}

/// One test's own namespace.
pub struct Namespace<'s> {
    /// The server that it is in.
    pub server: &'s ApiServer,
    /// An administrator's client.
    pub client: Client,
    /// Its name.
    pub name: String,
}

impl Namespace<'_> {
    /// The objects of a kind in this namespace.
    pub fn api<K>(&self) -> kube::Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        kube::Api::namespaced(self.client.clone(), &self.name)
    }

    /// Runs kubectl in this namespace as an administrator.
    pub async fn kubectl(&self, arguments: &[&str]) -> Finished {
        self.kubectl_as(&self.server.kubeconfig(), arguments, "").await
    }

    /// Runs kubectl in this namespace as whoever the kubeconfig file names, with `input` as its standard input.
    pub async fn kubectl_as(&self, kubeconfig: &Path, arguments: &[&str], input: &str) -> Finished {
        let arguments = [&["--namespace", &self.name], arguments].concat();
        self.server.run("kubectl", kubeconfig, &arguments, input).await
    }

    /// Runs `kubectl apply --server-side -f -` in this namespace as an administrator, with YAML as its input.
    pub async fn apply(&self, yaml: &str) -> Finished {
        self.kubectl_as(&self.server.kubeconfig(), &["apply", "--server-side", "-f", "-"], yaml)
            .await
    }
}

/// A client for the current runtime, as whoever the kubeconfig file names.
pub async fn client(kubeconfig: &Path) -> Client {
    init_tls();
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig file is ours");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("the kubeconfig is whole")).expect("a client can be made")
}

/// Writes what the servers identify themselves and others with.
fn write_identity(folder: &Path, authority: &Authority) {
    let identity = authority.server();
    let (private_key, public_key) = signing_keys();
    for (name, content) in [
        ("ca.crt", authority.certificate()),
        ("server.crt", identity.certificate),
        ("server.key", identity.key),
        ("service-account.key", private_key),
        ("service-account.pub", public_key),
        ("tokens.csv", format!("{ADMIN_TOKEN},admin,admin,system:masters\n")),
    ] {
        std::fs::write(folder.join(name), content).expect("the folder is writable");
    }
}

fn kubeconfig(port: u16, authority: &Authority, credentials: &Value) -> String {
    let cluster = json!({
        "server": format!("https://127.0.0.1:{port}"),
        "certificate-authority-data": base64(&authority.certificate()),
    });
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
        "clusters": [{ "name": "test", "cluster": cluster }],
        "users": [{ "name": "test", "user": credentials }],
    })
    .to_string()
}

fn base64(text: &str) -> Value {
    serde_json::to_value(k8s_openapi::ByteString(text.as_bytes().to_vec())).expect("bytes can be written as JSON")
}

fn start_etcd(folder: &Path, url: &str, peer_port: u16) -> Process {
    let peer = format!("http://127.0.0.1:{peer_port}");
    let mut command = Command::new(tools::tool("etcd"));
    command.arg("--data-dir").arg(folder.join("etcd"));
    command.args(["--listen-client-urls", url, "--advertise-client-urls", url]);
    command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
    command.args(["--initial-cluster", &format!("default={peer}")]);
    // What a crash of the machine would lose is of no use afterwards.
    command.args(["--unsafe-no-fsync", "--log-level", "warn"]);
    Process::start("etcd", &mut command, folder)
}

fn start_apiserver(folder: &Path, etcd_url: &str, port: u16) -> Process {
    let mut command = Command::new(tools::tool("kube-apiserver"));
    command.args([
        "--etcd-servers",
        etcd_url,
        "--bind-address",
        "127.0.0.1",
        "--secure-port",
        &port.to_string(),
    ]);
    for (flag, file) in [
        ("--client-ca-file", "ca.crt"),
        ("--tls-cert-file", "server.crt"),
        ("--tls-private-key-file", "server.key"),
        ("--service-account-key-file", "service-account.pub"),
        ("--service-account-signing-key-file", "service-account.key"),
        ("--token-auth-file", "tokens.csv"),
        ("--cert-dir", "apiserver"),
    ] {
        command.arg(flag).arg(folder.join(file));
    }
    command.args([
        "--service-account-issuer",
        "https://kubernetes.default.svc",
        "--authorization-mode",
        "RBAC",
    ]);
    command.args([
        "--service-cluster-ip-range",
        "10.0.0.0/24",
        "--endpoint-reconciler-type",
        "none",
    ]);
    // Its admission of pods waits for tokens that nobody mounts here.
    command.args(["--disable-admission-plugins", "ServiceAccount"]);
    Process::start("kube-apiserver", &mut command, folder)
}

/// Owner references, the deletion of namespaces, default service accounts, aggregated roles; and the Deployments of a
/// chart as far as their pods, which stay pending.
fn start_manager(folder: &Path) -> Process {
    const CONTROLLERS: &str = "garbage-collector-controller,namespace-controller,serviceaccount-controller,\
         clusterrole-aggregation-controller,deployment-controller,replicaset-controller";
    let mut command = Command::new(tools::tool("kube-controller-manager"));
    command.arg("--kubeconfig").arg(folder.join("admin.kubeconfig"));
    command
        .arg("--service-account-private-key-file")
        .arg(folder.join("service-account.key"));
    command.args([
        "--controllers",
        CONTROLLERS,
        "--leader-elect=false",
        "--secure-port",
        "0",
    ]);
    Process::start("kube-controller-manager", &mut command, folder)
}
