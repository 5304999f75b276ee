//! A reference platform, a folder of manifests, and the program.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::command::{Finished, run};
use crate::support::process::Process;
use crate::support::temporary_folder;

/// Our program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_directory-sync");

/// The token that the platform takes.
pub const TOKEN: &str = "the-token-of-the-platform";

/// The company: two groups, four people.
pub const PEOPLE: &str = "id,email,displayName\n\
                          1,ann@acme.test,Ann\n2,ben@acme.test,Ben\n3,cleo@acme.test,Cleo\n4,dan@acme.test,Dan\n";

/// A platform that runs, and a folder.
pub struct World {
    folder: TempDir,
    _platform: Process,
    /// The platform's address.
    pub url: String,
}

impl World {
    /// A platform with nobody in it but the sync's own account.
    pub async fn start() -> Self {
        let folder = temporary_folder();
        let token = folder.path().join("token.txt");
        std::fs::write(&token, TOKEN).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["platform", "serve", "--listen", "127.0.0.1:0", "--token-file"]);
        command
            .arg(token)
            .arg("--database")
            .arg(folder.path().join("platform.db"));
        let log = folder.path().join("platform.log");
        let mut platform = Process::start("platform", &mut command, folder.path());
        let url = platform
            .ready(Duration::from_secs(20), async || {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                let line = said
                    .lines()
                    .find_map(|line| line.strip_prefix("serving the platform on "));
                line.map(str::to_owned)
            })
            .await;
        Self {
            folder,
            _platform: platform,
            url,
        }
    }

    /// A file of the folder; its path.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The names of the folder's files that begin so.
    pub fn files_like(&self, beginning: &str) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(beginning)).collect()
    }

    /// Where a file of the folder is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder `company` with a connection, its mapping, people and token in files of their own; `spec` is added to the
    /// connection's.
    pub fn company(&self, people: &str, spec: &str) -> String {
        self.write("company/connection.yaml", self.connection("acme", spec));
        self.write("company/mapping.yaml", MAPPING);
        self.write("company/people.yaml", people_map(people));
        self.write("company/token.yaml", token_secret(TOKEN));
        self.path("company").to_str().unwrap().to_owned()
    }

    /// A connection to the platform.
    pub fn connection(&self, name: &str, spec: &str) -> String {
        connection(name, &self.url, spec)
    }

    /// Runs the program.
    pub async fn run(&self, arguments: &[&str]) -> Finished {
        directory_sync(arguments, "").await
    }

    /// Runs the program in a terminal, with variables of the environment; gives all that the terminal got, and the exit code.
    pub async fn in_terminal(&self, before: &str, arguments: &[&str]) -> (String, Option<i32>) {
        let line = format!("{before} {PROGRAM} {}", arguments.join(" "));
        let typed = ["-qec", line.as_str(), "/dev/null"];
        let finished = run(Path::new("script"), typed, &[], "").await;
        (finished.stdout, finished.status.code())
    }

    /// What the platform has of a kind, for example `users`.
    pub async fn platform(&self, path: &str) -> Vec<Value> {
        let url = format!("{}/v1/{path}", self.url);
        let header = format!("Authorization: Bearer {TOKEN}");
        let arguments = ["--silent", "--fail", "--header", header.as_str(), url.as_str()];
        let answer = run(Path::new("curl"), arguments, &[], "").await.success();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["items"].as_array().expect("a page of the platform").clone()
    }

    /// Changes a user as somebody does by hand.
    pub async fn change(&self, email: &str, change: &str) {
        let users = self.platform("users").await;
        let user = users.iter().find(|user| user["email"] == email).expect("the user");
        let url = format!("{}/v1/users/{}", self.url, user["id"].as_str().unwrap());
        let authorization = format!("Authorization: Bearer {TOKEN}");
        let arguments = ["--silent", "--fail", "--request", "PATCH", "--data", change];
        let headers = [
            "--header",
            &authorization,
            "--header",
            "Content-Type: application/json",
            &url,
        ];
        run(Path::new("curl"), [arguments.as_slice(), &headers].concat(), &[], "")
            .await
            .success();
    }

    /// The addresses of the active users that a sync manages.
    pub async fn people(&self) -> Vec<String> {
        let users = self.platform("users").await;
        let ours = users
            .iter()
            .filter(|user| user["active"] == true && !user["mark"].is_null());
        let mut people: Vec<String> = ours.map(|user| user["email"].as_str().unwrap().to_owned()).collect();
        people.sort();
        people
    }
}

/// Runs the program with an input.
pub async fn directory_sync(arguments: &[&str], input: &str) -> Finished {
    run(Path::new(PROGRAM), arguments, &[], input).await
}

impl Finished {
    /// Both outputs of a command that must end with this code.
    #[track_caller]
    pub fn code(self, code: i32) -> String {
        assert!(
            self.status.code() == Some(code),
            "{} ended with {} instead of {code}\n{}{}",
            self.line,
            self.status,
            self.stdout,
            self.stderr
        );
        self.stdout + &self.stderr
    }

    /// The standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

/// A connection of a file with a platform; `spec` is added to its spec.
pub fn connection(name: &str, url: &str, spec: &str) -> String {
    let spec = indented(spec, "  ");
    format!(
        "apiVersion: directory-sync.io/v1alpha1
kind: DirectoryConnection
metadata: {{ name: {name} }}
spec:
  ownerID: command-line
  provider: {{ file: {{ people: {{ configMapKeyRef: {{ name: company, key: people.csv }} }} }} }}
  platform:
    rest:
      url: {url}
      tls: {{ mode: Disabled }}
      auth: {{ bearer: {{ tokenSecretRef: {{ name: platform, key: token }} }} }}
  scope: {{ users: All }}
{spec}"
    )
}

/// A connection of a SCIM directory; nothing listens where its platform should be.
pub fn scim_connection(url: &str) -> String {
    format!(
        "apiVersion: directory-sync.io/v1alpha1
kind: DirectoryConnection
metadata: {{ name: acme }}
spec:
  provider:
    scim:
      url: {url}
      tls: {{ mode: Disabled }}
      auth: {{ bearer: {{ tokenSecretRef: {{ name: directory, key: token }} }} }}
  platform:
    rest:
      url: http://127.0.0.1:1
      tls: {{ mode: Disabled }}
      auth: {{ bearer: {{ tokenSecretRef: {{ name: platform, key: token }} }} }}
  scope: {{ users: All }}
---
{MAPPING}---
{}---
{}",
        token_secret(TOKEN),
        token_secret("the-token-of-the-directory").replace("name: platform", "name: directory"),
    )
}

/// A mapping of the connection `acme`: nobody is in its group, everybody is in scope.
pub const MAPPING: &str = "apiVersion: directory-sync.io/v1alpha1
kind: GroupMapping
metadata: { name: staff }
spec:
  connectionRef: { name: acme }
  group: { memberExpression: user.email.endsWith(\"acme.test\") }
  team: { name: Staff, create: true }
";

/// The `ConfigMap` with the people.
pub fn people_map(people: &str) -> String {
    let people = indented(people, "    ");
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: company }}\ndata:\n  people.csv: |\n{people}")
}

fn indented(text: &str, by: &str) -> String {
    text.lines().flat_map(|line| [by, line, "\n"]).collect()
}

/// The Secret with the platform's token.
pub fn token_secret(token: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{ name: platform }}\nstringData: {{ token: {token} }}\n")
}

/// A server that answers every request in the same way, or, with an empty answer, never; its address, and a channel that
/// tells of each request.
pub fn server(answer: Vec<u8>) -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (told, requests) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (told, answer) = (told.clone(), answer.clone());
            std::thread::spawn(move || serve(&mut stream, &answer, || told.send(()).is_ok()));
        }
    });
    (url, requests)
}

fn serve(stream: &mut TcpStream, answer: &[u8], tell: impl Fn() -> bool) {
    let mut request = [0; 8192];
    while matches!(stream.read(&mut request), Ok(length) if length > 0) {
        // Whoever asked may have heard enough, and the test may have ended.
        let _ = tell();
        let _ = stream.write_all(answer);
    }
}
