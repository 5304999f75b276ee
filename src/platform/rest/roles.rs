//! The platform's roles by id and by name: users carry a role's id, specifications and plans its name.

use std::collections::HashMap;

/// The roles of one platform. Names and ids are each unique there.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    names: HashMap<String, String>,
    ids: HashMap<String, String>,
}

impl Roles {
    /// Adds a role, or gives a known one its present name.
    pub fn insert(&mut self, id: &str, name: &str) {
        if let Some(old) = self.names.insert(id.to_owned(), name.to_owned())
            && self.ids.get(&old).is_some_and(|of| of == id)
        {
            self.ids.remove(&old);
        }
        self.ids.insert(name.to_owned(), id.to_owned());
    }

    /// The name of the role with this id.
    pub fn name(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    /// The id of the role with this name, exactly as the platform writes it.
    pub fn id(&self, name: &str) -> Option<&str> {
        self.ids.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_role_is_found_by_its_new_name_alone() {
        let mut roles = Roles::default();
        roles.insert("role_1", "agent");
        roles.insert("role_1", "adviser");
        roles.insert("role_2", "agent");
        assert_eq!(roles.name("role_1"), Some("adviser"));
        assert_eq!(roles.id("adviser"), Some("role_1"));
        assert_eq!(roles.id("agent"), Some("role_2"));
        assert_eq!(roles.id("owner"), None);
    }
}
