//! A real SCIM 2.0 service provider, empty at first.

use std::process::Command;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::{Process, free_port};
use super::{init_tls, temporary_folder, tools};

/// The bearer token that the server asks for; a test that looks for leaked secrets can look for it.
pub const TOKEN: &str = "scim-8d20e7-token";

/// What may differ between two servers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Offer cursor paging (RFC 9865) beside index paging.
    pub cursors: bool,
    /// The most resources on a page; `None` is the server's own 1,000.
    pub page_size: Option<u32>,
}

/// A running SCIM service provider.
pub struct ScimServer {
    process: Process,
    port: u16,
    http: reqwest::Client,
    _folder: TempDir,
}

impl ScimServer {
    /// Starts the server and returns when it answers.
    pub async fn start(options: Options) -> Self {
        init_tls();
        let folder = temporary_folder();
        let config = folder.path().join("config.json");
        std::fs::write(&config, service_provider_config(options).to_string()).expect("the folder is writable");
        let port = free_port();
        let mut command = Command::new(tools::tool("scim2-server"));
        command
            .args([
                "--port",
                &port.to_string(),
                "--bearer-token",
                TOKEN,
                "--service-provider-config",
            ])
            .arg(config);
        let process = Process::start("scim2-server", &mut command, folder.path());
        let http = reqwest::Client::builder()
            .timeout(Duration::from_mins(1))
            .build()
            .expect("a client can be made");
        let mut server = Self {
            process,
            port,
            http,
            _folder: folder,
        };
        let probe = format!("{}/ServiceProviderConfig", server.url());
        let request = server.http.get(probe);
        let answer = async || request.try_clone()?.send().await.ok();
        server.process.ready(Duration::from_secs(30), answer).await;
        server
    }

    /// The base URL: `http://127.0.0.1:PORT/v2`, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v2", self.port)
    }

    /// The server itself: to kill, to freeze (`signal("STOP")`), to read what it wrote.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Sends one request with the token, such as `POST Users`, and returns the answer's body; any refusal fails the
    /// test.
    pub async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let mut request = self
            .http
            .request(method, format!("{}/{path}", self.url()))
            .bearer_auth(TOKEN);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("the server answers");
        let status = answer.status();
        let text = answer.text().await.expect("the server answers in full");
        assert!(status.is_success(), "{path}: {status} {text}");
        if status == StatusCode::NO_CONTENT {
            Value::Null
        } else {
            serde_json::from_str(&text).expect("JSON")
        }
    }

    /// Creates so many users (`u0@acme.test`, external id `e0`, with a department) and returns their ids in order.
    pub async fn create_users(&self, count: usize) -> Vec<String> {
        self.create("Users", (0..count).map(user).collect()).await
    }

    /// Creates one group of a name with these users in it, and returns its id.
    pub async fn create_group(&self, name: &str, members: &[String]) -> String {
        let members: Vec<_> = members
            .iter()
            .map(|id| json!({ "value": id, "type": "User" }))
            .collect();
        let group = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": name,
            "members": members,
        });
        self.create("Groups", vec![group]).await.remove(0)
    }

    /// Creates resources, a few at once, and returns their ids in the order given.
    pub async fn create(&self, path: &str, resources: Vec<Value>) -> Vec<String> {
        let created = stream::iter(resources).map(async |resource| {
            let answer = self.request(Method::POST, path, Some(&resource)).await;
            answer["id"].as_str().map(str::to_owned).ok_or(answer)
        });
        created
            .buffered(4)
            .try_collect()
            .await
            .expect("each created resource has an id")
    }
}

fn user(number: usize) -> Value {
    const DEPARTMENTS: [&str; 5] = ["Support", "Sales", "Engineering", "Finance", "Legal"];
    json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ],
        "userName": format!("u{number}@acme.test"),
        "externalId": format!("e{number}"),
        "name": { "givenName": format!("Given{number}"), "familyName": format!("Family{number}") },
        "displayName": format!("Given{number} Family{number}"),
        "emails": [{ "value": format!("u{number}@acme.test"), "type": "work", "primary": true }],
        "active": true,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": number.to_string(),
            "department": DEPARTMENTS[number % DEPARTMENTS.len()],
        },
    })
}

fn service_provider_config(options: Options) -> Value {
    let page_size = options.page_size.unwrap_or(1000);
    let mut config = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": true, "maxOperations": 1000, "maxPayloadSize": 1_048_576 },
        "filter": { "supported": true, "maxResults": page_size },
        "changePassword": { "supported": true },
        "sort": { "supported": true },
        "etag": { "supported": true },
    });
    if options.cursors {
        config["pagination"] = json!({
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": page_size,
            "maxPageSize": page_size,
            "cursorTimeout": 3600,
        });
    }
    config
}
