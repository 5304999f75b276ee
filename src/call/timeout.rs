//! No attempt takes forever.

use std::time::Duration;

use super::error::OfLayer;

/// Gives a call so much time and drops it then.
pub(super) async fn within<T, E: OfLayer>(
    limit: Duration,
    call: &'static str,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::time::timeout(limit, future)
        .await
        .unwrap_or_else(|_| Err(E::timed_out(call, limit)))
}
