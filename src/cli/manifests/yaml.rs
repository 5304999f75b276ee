//! YAML streams: their documents, and messages that name a line of the file but show nothing of it that may be secret.

use serde_json::Value;
use serde_saphyr::{Options, from_str_with_options};

/// One document of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Document<'t> {
    /// Its text.
    pub text: &'t str,
    /// How many lines of the stream are before it.
    pub lines_before: u64,
}

/// The documents of a YAML stream that hold more than comments. Split here because each is judged and reported on its own.
pub(super) fn documents(text: &str) -> impl Iterator<Item = Document<'_>> {
    let mut rest = Some(text);
    let mut lines_before = 0;
    std::iter::from_fn(move || {
        let text = rest?;
        let mut document = Document { text, lines_before };
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let is_break = line
                .strip_prefix("---")
                .is_some_and(|after| after.trim_end().is_empty() || after.starts_with(' '));
            if is_break && at > 0 {
                rest = Some(&text[at..]);
                document.text = &text[..at];
                return Some(document);
            }
            at += line.len();
            lines_before += 1;
        }
        rest = None;
        Some(document)
    })
    .filter(|document| {
        let mut lines = document.text.lines().map(str::trim);
        lines.any(|line| !matches!(line, "" | "---") && !line.starts_with('#'))
    })
}

/// Reads one document. The error says where it is broken, and how if nothing secret can be near.
pub(super) fn read(document: &Document<'_>, stream: &str) -> Result<Value, String> {
    let mut options = Options::default();
    // A snippet would show lines.
    options.with_snippet = false;
    from_str_with_options(document.text, options).map_err(|error| {
        let line = error.location().map(|place| place.line() + document.lines_before);
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        // Where it is broken, a document may begin or end elsewhere than it was meant to: so the whole stream is looked at.
        if may_hold_secrets(stream) {
            return format!(
                "{place}this is no valid YAML; look at quotes, indentation and brackets there. It isn't shown, because it \
                 may be secret"
            );
        }
        let text = error.without_snippet().to_string();
        let why = text.lines().next().unwrap_or_default();
        // It names its place by itself, counted from the document's beginning.
        let why = why.split(" at line ").next().unwrap_or_default();
        format!("{place}{why}")
    })
}

/// Whether a stream has a Secret or `ConfigMap` in it, or may have, as a list of any objects or where nothing says what it is.
fn may_hold_secrets(stream: &str) -> bool {
    let plain: String = stream
        .chars()
        .filter(|c| !matches!(c, ' ' | '\t' | '"' | '\''))
        .collect();
    let has = |kind: &str| plain.contains(&format!("kind:{kind}"));
    let is_ours = has("DirectoryConnection") || has("GroupMapping");
    !is_ours || has("Secret") || has("ConfigMap") || has("List")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_split_at_its_document_marks() {
        let found: Vec<_> = documents("# head\n---\na: 1\n---\n# nothing\n---\nb: '---'\n").collect();
        let document = |text, lines_before| Document { text, lines_before };
        assert_eq!(found, [document("---\na: 1\n", 1), document("---\nb: '---'\n", 5)]);
        assert_eq!(documents("a: 1\n").count(), 1);
        assert_eq!(documents("").count(), 0);
    }

    fn refused(stream: &str) -> String {
        documents(stream)
            .find_map(|document| read(&document, stream).err())
            .unwrap()
    }

    #[test]
    fn a_broken_document_is_placed_in_its_file() {
        let stream = "kind: GroupMapping\n---\n# comment\nkind: GroupMapping\nspec: [\n";
        let why = refused(stream);
        assert!(
            why.starts_with("line 5: ") && why.contains("bracket") && !why.contains('\n'),
            "{why}"
        );
    }

    #[test]
    fn nothing_is_shown_where_a_secret_may_be() {
        for kinds in [
            "kind: GroupMapping\n---\nkind: Secret",
            "kind: GroupMapping\n---\n\"kind\" : \"Secret\"",
            "kind: GroupMapping\n---\n{ kind: List }",
            "kind: GroupMapping\n---\n'kind': ConfigMap",
            "knd: Secret\n---\na: b",
        ] {
            let why = refused(&format!("{kinds}\n---\na: *hunter2\n"));
            assert!(
                why.starts_with("line 5: this is no valid YAML") && !why.contains("hunter2"),
                "{why}"
            );
        }
    }
}
