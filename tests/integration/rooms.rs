//! The rooms are as far apart as the overview in `src/lib.rs` says.

use std::path::Path;

use crate::support::command::run;

/// Crates that touch the world: runtimes, networks, clusters, databases.
const WORLDLY: [&str; 12] = [
    "async-trait",
    "axum",
    "futures",
    "hyper",
    "k8s-openapi",
    "kube",
    "mio",
    "reqwest",
    "rustls",
    "socket2",
    "sqlx",
    "tokio",
];

#[tokio::test]
async fn the_model_depends_on_no_runtime_no_network_no_cluster_and_no_database() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/model/Cargo.toml");
    let tree = [
        "tree",
        "--locked",
        "--offline",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--manifest-path",
        manifest,
    ];
    let listed = run(Path::new(&cargo), tree, &[], "").await.success();
    let crates: Vec<_> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains(&"cel"), "{crates:?}");
    let worldly: Vec<_> = crates.iter().filter(|name| WORLDLY.contains(name)).collect();
    assert!(worldly.is_empty(), "{worldly:?}");
}
