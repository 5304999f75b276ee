//! Server-side apply and JSON patches on plain JSON.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The way to a field. Items of lists that are maps are named by their key, such as `type=Ready`.
pub type Path = Vec<String>;

/// Lists that are maps, and their key.
const MAPS: [(&str, &str); 2] = [("conditions", "type"), ("attributes", "name")];

fn key_of(list: &str) -> Option<&'static str> {
    MAPS.iter().find(|(name, _)| *name == list).map(|(_, key)| *key)
}

/// What an applied object sets: its status, or all but that and what isn't anybody's.
pub fn part(object: &Value, is_status: bool) -> Value {
    if is_status {
        return json!({ "status": object["status"] });
    }
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        ["apiVersion", "kind", "status"]
            .iter()
            .for_each(|field| drop(fields.remove(*field)));
    }
    if let Some(fields) = object["metadata"].as_object_mut() {
        fields.retain(|field, _| ["labels", "annotations", "finalizers", "ownerReferences"].contains(&field.as_str()));
    }
    object
}

/// The fields that have a value.
pub fn paths(object: &Value) -> BTreeSet<Path> {
    fn walk(value: &Value, at: &mut Path, found: &mut BTreeSet<Path>) {
        match value {
            Value::Null => {}
            Value::Object(fields) if !fields.is_empty() => {
                for (name, value) in fields {
                    at.push(name.clone());
                    walk(value, at, found);
                    at.pop();
                }
            }
            Value::Array(items) if at.last().and_then(|name| key_of(name)).is_some() => {
                for item in items {
                    let mut path = at.clone();
                    path.push(item_name(at.last().expect("a list has a name"), item));
                    found.insert(path);
                }
            }
            _ => drop(found.insert(at.clone())),
        }
    }
    let mut found = BTreeSet::new();
    walk(object, &mut Path::new(), &mut found);
    found
}

fn item_name(list: &str, item: &Value) -> String {
    let key = key_of(list).unwrap_or_default();
    item[key].as_str().unwrap_or_default().to_owned()
}

/// Takes a field away, and what is empty without it.
pub fn remove(object: &mut Value, path: &[String]) {
    let [name, rest @ ..] = path else { return };
    let Some(fields) = object.as_object_mut() else { return };
    let Some(value) = fields.get_mut(name) else { return };
    match (value, rest) {
        (_, []) => drop(fields.remove(name)),
        (Value::Array(items), [item]) => {
            items.retain(|other| item_name(name, other) != *item);
            if items.is_empty() {
                fields.remove(name);
            }
        }
        (value, rest) => {
            remove(value, rest);
            if value.as_object().is_some_and(serde_json::Map::is_empty) {
                fields.remove(name);
            }
        }
    }
}

/// Sets all fields that have a value.
pub fn set(target: &mut Value, wanted: &Value) {
    let Some(fields) = wanted.as_object() else { return };
    for (name, value) in fields {
        match value {
            Value::Null => {}
            Value::Object(inner) if !inner.is_empty() => {
                if !target[name].is_object() {
                    target[name] = json!({});
                }
                set(&mut target[name], value);
            }
            Value::Array(items) if key_of(name).is_some() => {
                let mut list = target[name].as_array().cloned().unwrap_or_default();
                for item in items {
                    match list
                        .iter_mut()
                        .find(|other| item_name(name, other) == item_name(name, item))
                    {
                        Some(other) => other.clone_from(item),
                        None => list.push(item.clone()),
                    }
                }
                target[name] = Value::Array(list);
            }
            value => target[name] = value.clone(),
        }
    }
}

/// One operation of a JSON patch (RFC 6902): `test`, `add`, `replace`, `remove`.
pub fn operation(object: &mut Value, operation: &Value) -> Result<(), String> {
    let path = operation["path"].as_str().unwrap_or_default();
    let (parent, name) = path.rsplit_once('/').unwrap_or_default();
    let name = name.replace("~1", "/").replace("~0", "~");
    let value = &operation["value"];
    let what = operation["op"].as_str().unwrap_or_default();
    let place = object
        .pointer_mut(parent)
        .ok_or_else(|| format!("there is no {parent}"))?;
    let found = match &*place {
        Value::Array(items) => name.parse().ok().and_then(|at: usize| items.get(at)).cloned(),
        place => place.get(&name).cloned(),
    };
    match (what, place) {
        ("test", _) if found.as_ref().unwrap_or(&Value::Null) == value => {}
        ("add", Value::Array(items)) => {
            let at = name.parse().unwrap_or(items.len());
            items.insert(at.min(items.len()), value.clone());
        }
        ("remove", Value::Array(items)) if found.is_some() => drop(items.remove(name.parse().unwrap_or(0))),
        ("remove", place) if found.is_some() => drop(place.as_object_mut().map(|fields| fields.remove(&name))),
        ("add", place) => place[name] = value.clone(),
        ("replace", Value::Array(items)) if found.is_some() => {
            items[name.parse::<usize>().unwrap_or(0)] = value.clone();
        }
        ("replace", place) if found.is_some() => place[name] = value.clone(),
        _ => return Err(format!("{what} of {path} failed")),
    }
    Ok(())
}
