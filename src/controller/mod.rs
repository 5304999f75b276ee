//! stub
use std::net::SocketAddr;
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct Error;
pub struct ControllerConfig {
    pub http_listen: SocketAddr,
    pub max_syncs: usize,
    pub observe_only: bool,
    pub removals_max_percent: Option<u8>,
    pub removals_max_count: Option<u32>,
    pub network: crate::http::NetworkPolicy,
}
impl Default for ControllerConfig {
    fn default() -> Self {
        Self {
            http_listen: ([127, 0, 0, 1], 0).into(),
            max_syncs: 4,
            observe_only: false,
            removals_max_percent: None,
            removals_max_count: None,
            network: Default::default(),
        }
    }
}
pub async fn run(_c: ControllerConfig, _s: impl Future<Output = ()>) -> Result<(), Error> {
    Err(Error)
}
