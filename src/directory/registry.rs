//! The table of all providers. A new one is a line here, and the tests below fail until its other pieces are there.

/// One provider.
#[derive(Clone, Copy, Debug)]
pub struct Provider {
    /// Its field under `spec.provider`, the name of its folder, the value of metric labels.
    pub name: &'static str,
    /// Its page for users, kept beside its code and copied into `docs/providers/`.
    pub docs: &'static str,
    /// Its folder in `examples/`.
    pub example: &'static str,
}

/// Every provider, by name.
pub const PROVIDERS: &[Provider] = &[
    Provider {
        name: "file",
        docs: include_str!("file/docs.md"),
        example: "quickstart",
    },
    Provider {
        name: "ldap",
        docs: include_str!("ldap/docs.md"),
        example: "ldap",
    },
    Provider {
        name: "scim",
        docs: include_str!("scim/docs.md"),
        example: "scim",
    },
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn names() -> BTreeSet<String> {
        PROVIDERS.iter().map(|provider| provider.name.to_owned()).collect()
    }

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn the_table_names_every_provider_of_the_specification_once() {
        let definition = serde_json::to_value(&crate::api::crds::definitions()[0]).unwrap();
        let schema = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/provider/properties";
        let fields: BTreeSet<String> = definition
            .pointer(schema)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert_eq!(fields, names());
        assert_eq!(PROVIDERS.len(), names().len());
    }

    #[test]
    fn every_provider_has_a_folder_a_specification_an_example_and_a_page() {
        for provider in PROVIDERS {
            let Provider { name, docs, example } = provider;
            for file in [
                format!("src/directory/{name}/mod.rs"),
                format!("src/directory/{name}/config.rs"),
                format!("src/api/provider/{name}.rs"),
                format!("src/resolve/provider/{name}.rs"),
                format!("docs/providers/{name}.md"),
            ] {
                assert!(root().join(&file).is_file(), "{name} has no {file}");
            }
            assert!(docs.lines().count() > 10, "the page of {name} says nothing");
            let folder = root().join("examples").join(example);
            let mentions =
                |entry: fs::DirEntry| fs::read_to_string(entry.path()).unwrap().contains(&format!("{name}:"));
            assert!(
                fs::read_dir(folder).unwrap().map(Result::unwrap).any(mentions),
                "no example of {name}"
            );
        }
    }

    #[test]
    fn no_folder_is_missing_in_the_table() {
        let folders = fs::read_dir(root().join("src/directory")).unwrap().map(Result::unwrap);
        let folders: BTreeSet<String> = folders
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap())
            // A test of all providers.
            .filter(|name| name != "bad_reads")
            .collect();
        assert_eq!(folders, names());
    }
}
