//! Comma-separated values with a header row (RFC 4180).

use csv::{ByteRecord, ReaderBuilder};

use super::{
    names,
    parse::line_breaks,
    value::{Document, Kind, Parsed, Row, Value},
};

/// Reads a document; the error says what is wrong with it as a whole.
pub(super) fn read(text: &[u8], kind: Kind) -> Result<Document, String> {
    check_quotes(text)?;
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let mut record = ByteRecord::new();
    let mut header: Option<Vec<String>> = None;
    let mut rows = Vec::new();
    let mut lines = Lines {
        text,
        offset: 0,
        breaks: 0,
    };
    // Reading from memory, and of any number of fields, there is no error left.
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| error.to_string())?
    {
        let line = lines.at(record.position().map_or(0, csv::Position::byte));
        match &header {
            // A line of nothing but space.
            _ if record.len() == 1 && record[0].trim_ascii().is_empty() => {}
            None => header = Some(read_header(&record, kind)?),
            Some(names) => {
                let row = read_row(&record, names, line);
                let suspect = match &row {
                    Ok(row) => broken(row, kind).map(|column| format!("{column} has a line break in it")),
                    Err((_, why)) => record.iter().any(|field| field.contains(&b'\n')).then(|| why.clone()),
                };
                if let Some(why) = suspect {
                    return Err(format!(
                        "line {line}: {why}; the row goes on over several lines, so a quote may not be closed"
                    ));
                }
                rows.push(row);
            }
        }
    }
    match header {
        Some(_) => Ok(kind.document(rows)),
        None => Err("it has no header row".to_owned()),
    }
}

/// Counts lines. The reader's own count is one behind where lines end in CR LF.
struct Lines<'t> {
    text: &'t [u8],
    offset: usize,
    breaks: usize,
}

impl Lines<'_> {
    /// The line, from 1, of the record that is found at a byte or after the line breaks there.
    fn at(&mut self, byte: u64) -> usize {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX);
        let rest = self.text.get(byte..).unwrap_or_default();
        let start = byte + rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let between = self.text.get(self.offset..start).unwrap_or_default();
        self.breaks += line_breaks(between);
        self.offset = start;
        self.breaks + 1
    }
}

fn read_header(record: &ByteRecord, kind: Kind) -> Result<Vec<String>, String> {
    let mut names: Vec<String> = Vec::new();
    for (at, field) in record.iter().enumerate() {
        let column = at + 1;
        let name = std::str::from_utf8(field)
            .map_err(|_| format!("the name of column {column} is not UTF-8"))?
            .trim();
        if name.is_empty() {
            return Err(format!("column {column} of the header row has no name"));
        }
        if let Some(right) = names::misspelt(name, kind) {
            return Err(format!("column {column} is called {name:?}; write {right:?}"));
        }
        // What stands there is not repeated: without a header row it is about a person, and in a wrong Secret it is secret.
        if let Some(known) = names.iter().position(|known| known == name) {
            return Err(format!(
                "columns {} and {column} of the header row have one name",
                known + 1
            ));
        }
        names.push(name.to_owned());
    }
    if names.iter().any(|name| name == "id") {
        return Ok(names);
    }
    let separator = [';', '\t', '|']
        .into_iter()
        .find(|separator| names.len() == 1 && names[0].contains(*separator));
    Err(match separator {
        Some(separator) => format!("the columns are separated by {separator:?}; separate them by commas"),
        None => format!(
            "the first line is the header row, and there is no column id among the {} in it",
            names.len()
        ),
    })
}

fn read_row(record: &ByteRecord, names: &[String], line: usize) -> Parsed {
    let place = format!("line {line}");
    if record.len() != names.len() {
        let why = format!(
            "it has {} fields, and the header row has {}: give it as many, and put a field that has a comma in quotes",
            record.len(),
            names.len()
        );
        return Err((place, why));
    }
    let mut fields = Vec::with_capacity(names.len());
    for (name, field) in names.iter().zip(record) {
        match std::str::from_utf8(field) {
            Ok("") => fields.push((name.clone(), Value::Empty)),
            Ok(text) => fields.push((name.clone(), Value::Text(text.to_owned()))),
            Err(_) => return Err((place, format!("column {name} is not UTF-8; save the file as UTF-8"))),
        }
    }
    Ok(Row::new(place, fields))
}

/// The attribute in which a line is broken, although it never takes more than one.
fn broken(row: &Row, kind: Kind) -> Option<&str> {
    let mut broken = row
        .fields
        .iter()
        .filter(|(_, value)| matches!(value, Value::Text(text) if text.contains('\n')));
    broken
        .find(|(name, _)| names::is_one_line(name, kind))
        .map(|(name, _)| name.as_str())
}

/// Finds quotes that are not closed. The reader would take everything up to the next quote, or to the end, for one
/// field: people would be gone without a word.
fn check_quotes(text: &[u8]) -> Result<(), String> {
    let mut line = 1_u64;
    let mut at_start_of_field = true;
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'"' || !at_start_of_field {
            line += u64::from(byte == b'\n');
            at_start_of_field = matches!(byte, b',' | b'\n' | b'\r');
            continue;
        }
        let opened = line;
        loop {
            match bytes.next() {
                None => return Err(format!("a quote that is opened in line {opened} is never closed")),
                Some(b'"') if bytes.peek() == Some(&b'"') => {
                    bytes.next();
                }
                Some(b'"') => break,
                Some(byte) => line += u64::from(byte == b'\n'),
            }
        }
        if !matches!(bytes.peek(), None | Some(b',' | b'\n' | b'\r')) {
            return Err(format!(
                "a quote that is opened in line {opened} is closed in line {line} in the middle of a field; inside of \
                 quotes, a quote is written twice"
            ));
        }
        at_start_of_field = false;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<String> {
        let document = read(text.as_bytes(), Kind::People).unwrap();
        let show = |row: Parsed| match row {
            Ok(row) => {
                let fields = row
                    .fields
                    .iter()
                    .map(|(name, value)| format!("{name}={}", value.text().unwrap()));
                format!("{}: {}", row.place, fields.collect::<Vec<_>>().join(" "))
            }
            Err((place, why)) => format!("{place}! {why}"),
        };
        document.users.into_iter().map(show).collect()
    }

    fn refused(text: &[u8]) -> String {
        read(text, Kind::People).unwrap_err()
    }

    #[test]
    fn rows_are_named_by_their_lines_and_blank_lines_are_skipped() {
        let text = "id,note\r\n1,\"a, \"\"b\"\"\nc\"\r\n\r\n  \r\n2,\r\n";
        assert_eq!(rows(text), ["line 2: id=1 note=a, \"b\"\nc", "line 6: id=2 note="]);
    }

    #[test]
    fn a_row_of_another_length_is_that_rows_failure() {
        assert_eq!(
            rows("id,title\n1\n2,a,b\n3,c"),
            [
                "line 2! it has 1 fields, and the header row has 2: give it as many, and put a field that has a comma in quotes",
                "line 3! it has 3 fields, and the header row has 2: give it as many, and put a field that has a comma in quotes",
                "line 4: id=3 title=c"
            ]
        );
    }

    #[test]
    fn invalid_utf_8_is_that_rows_failure_and_names_the_column() {
        let document = read(b"id,title\n1,caf\xe9\n2,ok\n", Kind::People).unwrap();
        let [Err((place, why)), Ok(_)] = document.users.as_slice() else {
            panic!("{document:?}");
        };
        assert_eq!(
            (place.as_str(), why.as_str()),
            ("line 2", "column title is not UTF-8; save the file as UTF-8")
        );
    }

    #[test]
    fn an_open_quote_loses_nobody_silently() {
        assert_eq!(
            refused(b"id,title\n1,\"open\n2,b\n3,c\n"),
            "a quote that is opened in line 2 is never closed"
        );
        assert!(refused(b"id,title\n1,\"open\n2,b\n3,\"c\"\n").contains("opened in line 2 is closed in line 4"));
    }

    #[test]
    fn a_quote_that_swallows_whole_rows_is_refused() {
        for (text, why) in [
            ("1,\"open,x\n2,b,y\",\n3,c,z\n", "title has a line break in it"),
            (
                "1,\"open,x\n2,b\",y,z\n3,c,z\n",
                "it has 4 fields, and the header row has 3: give it as many, and put a field that has a comma in quotes",
            ),
        ] {
            let refused = refused(format!("id,title,note\n{text}").as_bytes());
            assert_eq!(
                refused,
                format!("line 2: {why}; the row goes on over several lines, so a quote may not be closed")
            );
        }
        assert_eq!(
            rows("id,title,note\n1,a,\"two\nlines\"\n"),
            ["line 2: id=1 title=a note=two\nlines"]
        );
    }

    #[test]
    fn each_way_in_which_a_header_is_wrong_has_its_message() {
        for (text, why) in [
            (&b""[..], "no header row"),
            (b"\n\n", "no header row"),
            (b"u-1,Ann\nu-2,Bob\n", "no column id among the 2 in it"),
            (b"id;email\n1;a@x.test\n", "separated by ';'; separate them by commas"),
            (b"id\temail\n", "separated by '\\t'"),
            (b"id,,email\n", "column 2 of the header row has no name"),
            (b"id,email,email\n", "columns 2 and 3 of the header row have one name"),
            (b"id,E-Mail\n", "column 2 is called \"E-Mail\"; write \"email\""),
            (b"ID,email\n", "column 1 is called \"ID\"; write \"id\""),
            (b"id,caf\xe9\n", "the name of column 2 is not UTF-8"),
        ] {
            let refused = refused(text);
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn a_header_alone_is_a_document_without_rows() {
        assert!(rows("id,email\n").is_empty());
    }
}
