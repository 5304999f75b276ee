//! The reference server against its own contract: schemathesis, told nothing but the contract, finds no violation.

use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::time::Duration;

use directory_sync::platform::rest::wire::OPENAPI_YAML;
use directory_sync::platform::server::{ServerConfig, TokenConfig, serve};
use secrecy::SecretString;
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::oneshot;

use crate::support::{init_tls, temporary_folder, tools};

const TOKEN: &str = "rest-4f1c90-token";

/// Random requests for each operation, beside those that cover each bound of the schemas.
const EXAMPLES: &str = "12";

/// About 30 s on two free cores.
const PATIENCE: Duration = Duration::from_mins(8);

/// Requests that the schemas allow may still meet a state that refuses them: names in use, changed objects, used keys.
const CONFIG: &str = r#"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "404", "409", "412", "422"]
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reference_server_keeps_its_contract() {
    init_tls();
    let folder = temporary_folder();
    std::fs::write(folder.path().join("schemathesis.toml"), CONFIG).unwrap();
    let config = ServerConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        database: folder.path().join("platform.db"),
        tokens: vec![TokenConfig::administrator(SecretString::from(TOKEN))],
        rate: None,
        seats: None,
    };
    let (ready, address) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(config, move |address| drop(ready.send(address)), async move {
        drop(stopped.await)
    }));
    let url = format!("http://{}", address.await.expect("the server starts"));

    let contract = format!("{url}/v1/openapi.yaml");
    let authorization = format!("Authorization: Bearer {TOKEN}");
    let output = schemathesis(
        folder.path(),
        &[
            "--no-color",
            "run",
            &contract,
            "--url",
            &url,
            "--header",
            &authorization,
            "--checks",
            "all",
            "--max-examples",
            EXAMPLES,
            "--generation-deterministic",
            "--generation-database",
            "none",
            "--continue-on-failure",
        ],
    )
    .await;
    drop(stop);
    server.await.unwrap().unwrap();

    let report = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{report}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let operations = operations();
    assert!(
        report.contains(&format!("Selected: {operations}/{operations}")),
        "{report}"
    );
    assert!(report.contains(&format!("Tested: {operations}")), "{report}");
}

/// Runs in the folder, where it leaves what it keeps for replays.
async fn schemathesis(folder: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(tools::tool("schemathesis"));
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(PATIENCE, command.output()).await;
    ended.expect("schemathesis ends in time").expect("schemathesis runs")
}

/// How many operations the contract has.
fn operations() -> usize {
    let contract: Value = serde_saphyr::from_str(OPENAPI_YAML).unwrap();
    let paths = contract["paths"].as_object().unwrap();
    let methods = paths.values().flat_map(|path| path.as_object().unwrap().keys());
    methods
        .filter(|name| ["get", "post", "put", "patch", "delete"].contains(&name.as_str()))
        .count()
}
