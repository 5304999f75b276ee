//! The other side of HTTP in this process: for whoever embeds the operator and keeps its directories and platforms in his own
//! hands, as the tests do that stop it between any two calls.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use super::Error;

/// Answers requests that would have left the process, see [`super::Network::in_process`]. Everything above the transport is
/// as ever: host policy, credentials, bounds, redirects, problems, and the layers around calls.
#[async_trait]
pub trait InProcess: Debug + Send + Sync {
    /// Answers one request, whose URL is absolute. An error is what a network would have made of it, such as
    /// [`Error::Timeout`].
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error>;
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http::StatusCode;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        fault::{Class, Fault as _},
        http::{Auth, HttpClient, Network, NetworkPolicy, Timeouts, Tls, parse_base},
    };

    /// Answers one path, and keeps what it was asked.
    #[derive(Debug, Default)]
    struct OtherSide(Mutex<Vec<Request<Bytes>>>);

    #[async_trait]
    impl InProcess for OtherSide {
        async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
            let path = request.uri().path().to_owned();
            self.0.lock().unwrap().push(request);
            let (status, body) = match path.as_str() {
                "/v1/users" => (StatusCode::OK, "{\"id\":7}"),
                "/v1/late" => {
                    return Err(Error::Timeout {
                        host: "api.test".into(),
                    });
                }
                _ => (StatusCode::NOT_FOUND, "t0ken is no path"),
            };
            let mut answer = Response::new(Bytes::from_static(body.as_bytes()));
            *answer.status_mut() = status;
            Ok(answer)
        }
    }

    fn client(other_side: &Arc<OtherSide>, allow_insecure: bool) -> Result<HttpClient, Error> {
        let policy = NetworkPolicy {
            allow_insecure,
            ..NetworkPolicy::default()
        };
        let network = Network::in_process(policy, Arc::clone(other_side) as _);
        let tls = Tls {
            ca_pem: None,
            insecure_http: true,
        };
        let base = parse_base("http://api.test").unwrap();
        HttpClient::new(&network, &tls, Timeouts::default(), Auth::Bearer("t0ken".into()), base)
    }

    #[tokio::test]
    async fn a_request_is_answered_without_a_socket_and_with_everything_above_it_as_ever() {
        let other_side = Arc::new(OtherSide::default());
        let client = client(&other_side, true).unwrap();
        let answer = client.post("v1/users", &json!({ "a": 1 })).send(100).await.unwrap();
        assert_eq!(answer.json::<Value>("a user").unwrap(), json!({ "id": 7 }));
        {
            let asked = other_side.0.lock().unwrap();
            assert_eq!(asked[0].uri(), "http://api.test/v1/users");
            assert_eq!(asked[0].headers()["authorization"], "Bearer t0ken");
            assert_eq!(asked[0].body().as_ref(), br#"{"a":1}"#);
        }
        let refused = client.get("v1/nothing", &[]).send(100).await.unwrap_err();
        assert_eq!(refused.class(), Class::NotFound);
        assert!(!refused.to_string().contains("t0ken"), "{refused}");
        let bound = client.get("v1/users", &[]).send(3).await.unwrap_err();
        assert!(matches!(bound, Error::TooLarge { .. }), "{bound}");
        let late = client.get("v1/late", &[]).send(100).await.unwrap_err();
        assert!(matches!(late, Error::Timeout { .. }), "{late}");
    }

    #[test]
    fn the_host_policy_holds_in_this_process_too() {
        let refused = client(&Arc::default(), false).unwrap_err();
        assert!(refused.to_string().contains("--allow-insecure"), "{refused}");
    }
}
