//! The API server in memory, in front of which `tests/crash` lets the operator die, answers as the real one does: the same
//! requests to both, and what they say compared.

#[path = "../crash/api_server/mod.rs"]
#[allow(dead_code)]
mod fake;

use std::collections::BTreeMap;

use fake::{Answer, ApiServer, Content, Manners, Request};
use kube::client::Body;
use serde_json::{Value, json};

use crate::kinds::server_with_kinds;
use crate::support::apiserver::Namespace;

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";

/// Both servers, and the version that each said last of an object.
struct Both<'a> {
    space: &'a Namespace<'a>,
    fake: ApiServer,
    versions: [BTreeMap<String, Value>; 2],
    uids: [BTreeMap<String, Value>; 2],
}

/// What can be compared of an answer.
#[derive(Debug, PartialEq)]
struct Said {
    code: u16,
    reason: Value,
    generation: Value,
    is_new_version: bool,
    is_being_deleted: bool,
    finalizers: Value,
    annotations: Value,
    suspend: Value,
    status: Value,
}

impl Both<'_> {
    /// Sends the same to both; `$uid` and `$version` are what each said of the object before.
    async fn same(&mut self, method: &str, place: &str, content_type: &str, body: Value) -> Said {
        let (path, query) = place.split_once('?').unwrap_or((place, ""));
        let path = format!("/apis/directory-sync.io/v1alpha1/namespaces/{}/{path}", self.space.name);
        let real = {
            let request = http::Request::builder()
                .method(method)
                .uri(format!("{path}?{query}"))
                .header("content-type", content_type);
            let body = self.filled(0, place, &body);
            let bytes = if body.is_null() {
                Vec::new()
            } else {
                body.to_string().into_bytes()
            };
            let answer = self
                .space
                .client
                .send(request.body(Body::from(bytes)).unwrap())
                .await
                .unwrap();
            let code = answer.status().as_u16();
            let bytes = answer.into_body().collect_bytes().await.unwrap();
            self.said(0, place, code, &serde_json::from_slice(&bytes).unwrap())
        };
        let request = Request {
            method: method.to_owned(),
            path,
            query: query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(a, b)| (a.into(), b.into()))
                .collect(),
            content_type: content_type.to_owned(),
            body: self.filled(1, place, &body),
        };
        let Answer::Object(code, object) = self.fake.answer(&request, Manners::default()) else {
            panic!("that was no watch");
        };
        let fake = self.said(1, place, code, &object);
        assert_eq!(fake, real, "{method} {place} {body}");
        real
    }

    fn filled(&self, which: usize, place: &str, body: &Value) -> Value {
        let text =
            |values: &BTreeMap<String, Value>| values.get(name(place)).map_or("null".to_owned(), Value::to_string);
        let (uid, version) = (text(&self.uids[which]), text(&self.versions[which]));
        let body = body
            .to_string()
            .replace("\"$uid\"", &uid)
            .replace("\"$version\"", &version);
        serde_json::from_str(&body).unwrap()
    }

    fn said(&mut self, which: usize, place: &str, code: u16, object: &Value) -> Said {
        let metadata = &object["metadata"];
        let name = metadata["name"].as_str().unwrap_or(name(place)).to_owned();
        let is_object = object["kind"] != "Status";
        let before = self.versions[which].get(&name).cloned();
        if is_object {
            self.versions[which].insert(name.clone(), metadata["resourceVersion"].clone());
            self.uids[which].insert(name, metadata["uid"].clone());
        }
        let mut status = if is_object {
            object["status"].clone()
        } else {
            Value::Null
        };
        if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) {
            conditions.sort_by_key(|condition| condition["type"].to_string());
        }
        Said {
            code,
            reason: object["reason"].clone(),
            generation: metadata["generation"].clone(),
            is_new_version: is_object && before.as_ref() != Some(&metadata["resourceVersion"]),
            is_being_deleted: !metadata["deletionTimestamp"].is_null(),
            finalizers: metadata["finalizers"].clone(),
            annotations: metadata["annotations"].clone(),
            suspend: object["spec"]["suspend"].as_bool().unwrap_or(false).into(),
            status,
        }
    }
}

/// The object that a place names.
fn name(place: &str) -> &str {
    let path = place.split('?').next().unwrap_or_default();
    path.split('/').nth(1).unwrap_or_default()
}

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

fn status(metadata: Value, status: Value) -> Value {
    let mut metadata = metadata;
    metadata["name"] = json!("acme");
    json!({
        "apiVersion": "directory-sync.io/v1alpha1", "kind": "DirectoryConnection", "metadata": metadata, "status": status,
    })
}

#[expect(clippy::too_many_lines, reason = "the life of one object, step by step")]
#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_in_memory_answers_as_the_real_one() {
    let server = server_with_kinds().await;
    let space = server.namespace("fake").await;
    let mut both = Both {
        space: &space,
        fake: ApiServer::new(Content::default()),
        versions: [BTreeMap::new(), BTreeMap::new()],
        uids: [BTreeMap::new(), BTreeMap::new()],
    };
    let connection = crate::controller::world::connection("acme", "http://platform.test", json!({}));
    let (all, one, its_status) = (
        "directoryconnections",
        "directoryconnections/acme",
        "directoryconnections/acme/status?fieldManager=ours&force=true",
    );
    let created = both.same("POST", all, "application/json", connection.clone()).await;
    assert_eq!((created.code, created.generation), (201, json!(1)));
    assert_eq!(
        both.same("POST", all, "application/json", connection).await.reason,
        "AlreadyExists"
    );

    // The status, by server-side apply.
    let first = json!({
        "observedGeneration": 1, "ownerID": "a/b",
        "conditions": [condition("Ready", "True", "Synced"), condition("Held", "False", "NothingHeld")],
    });
    both.same(
        "PATCH",
        its_status,
        APPLY,
        status(json!({ "uid": "$uid" }), first.clone()),
    )
    .await;
    let again = both.same("PATCH", its_status, APPLY, status(json!({}), first)).await;
    assert!(!again.is_new_version, "what is so already is no change");
    let fewer = json!({ "observedGeneration": 1, "conditions": [condition("Ready", "False", "Timeout")] });
    let fewer = both.same("PATCH", its_status, APPLY, status(json!({}), fewer)).await;
    assert_eq!(
        fewer.status["ownerID"],
        Value::Null,
        "what isn't applied any more is gone"
    );
    let old = status(json!({ "resourceVersion": "1" }), json!({ "ownerID": "c/d" }));
    let refused = both.same("PATCH", its_status, APPLY, old).await;
    assert_eq!((refused.code, refused.reason), (409, json!("Conflict")));
    let other_uid = status(json!({ "uid": "0-0-0" }), json!({ "ownerID": "c/d" }));
    let taken = both.same("PATCH", its_status, APPLY, other_uid).await;
    assert_eq!(taken.code, 200, "in a patch of a status nobody looks at the uid");
    let seen = status(
        json!({ "resourceVersion": "$version" }),
        json!({ "observedGeneration": 1, "ownerID": "e/f" }),
    );
    assert_eq!(both.same("PATCH", its_status, APPLY, seen).await.code, 200);
    let nobody = its_status.replace("acme", "nobody");
    let mut missing = status(json!({}), json!({ "observedGeneration": 1 }));
    missing["metadata"]["name"] = json!("nobody");
    assert_eq!(both.same("PATCH", &nobody, APPLY, missing).await.code, 404);

    // What somebody else set in the status stays.
    let others = json!({ "status": { "lastHandledReconcileAt": "theirs" } });
    both.same(
        "PATCH",
        "directoryconnections/acme/status?fieldManager=theirs",
        MERGE,
        others,
    )
    .await;
    let ours = status(json!({}), json!({ "observedGeneration": 1 }));
    let ours = both.same("PATCH", its_status, APPLY, ours).await;
    assert_eq!(ours.status["lastHandledReconcileAt"], "theirs");

    // A change of the spec is a generation; one of an annotation isn't, and neither touches the status.
    let suspended = both
        .same(
            "PATCH",
            one,
            MERGE,
            json!({ "spec": { "suspend": true }, "status": { "ownerID": "x" } }),
        )
        .await;
    assert_eq!((suspended.generation, &suspended.suspend), (json!(2), &json!(true)));
    let annotated = json!({ "metadata": { "annotations": { "directory-sync.io/requestedAt": "now" } } });
    both.same("PATCH", one, MERGE, annotated).await;
    let stale = json!({ "metadata": { "resourceVersion": "1", "annotations": { "a": "b" } } });
    assert_eq!(both.same("PATCH", one, MERGE, stale).await.code, 409);

    // A finalizer keeps what is deleted.
    both.same(
        "PATCH",
        one,
        MERGE,
        json!({ "metadata": { "finalizers": ["directory-sync.io/test"] } }),
    )
    .await;
    let other = json!({ "preconditions": { "uid": "0-0-0" } });
    assert_eq!(both.same("DELETE", one, "application/json", other).await.code, 409);
    let going = both.same("DELETE", one, "application/json", json!({})).await;
    assert!(going.is_being_deleted);
    both.same(
        "PATCH",
        its_status,
        APPLY,
        status(json!({}), json!({ "observedGeneration": 2 })),
    )
    .await;
    let wrong = json!([{ "op": "test", "path": "/metadata/finalizers/0", "value": "other" }]);
    assert_eq!(both.same("PATCH", one, JSON_PATCH, wrong).await.code, 422);
    let release = json!([
        { "op": "test", "path": "/metadata/finalizers/0", "value": "directory-sync.io/test" },
        { "op": "remove", "path": "/metadata/finalizers/0" },
    ]);
    both.same("PATCH", one, JSON_PATCH, release).await;
    assert_eq!(both.same("GET", one, "application/json", Value::Null).await.code, 404);
    assert_eq!(both.same("DELETE", one, "application/json", json!({})).await.code, 404);
}
