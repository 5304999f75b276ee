//! What servers send, for tests here and of the directory, and the tests of this module.

use proptest::prelude::*;

use super::*;

/// An entry as a server sends it.
pub fn entry(id: i32, dn: &str, attributes: &[(&str, &[&[u8]])]) -> Vec<u8> {
    envelope(id, |out| {
        ber::write_with(out, SEARCH_ENTRY, |out| {
            ber::write(out, ber::OCTET_STRING, dn.as_bytes());
            ber::write_with(out, ber::SEQUENCE, |out| {
                for (name, values) in attributes {
                    ber::write_with(out, ber::SEQUENCE, |out| {
                        ber::write(out, ber::OCTET_STRING, name.as_bytes());
                        ber::write_with(out, ber::SET, |out| {
                            values
                                .iter()
                                .for_each(|value| ber::write(out, ber::OCTET_STRING, value));
                        });
                    });
                }
            });
        });
    })
}

/// The end of an operation as a server sends it; each cookie becomes one control.
pub fn outcome(id: i32, tag: u8, code: i64, text: &str, cookies: &[&[u8]]) -> Vec<u8> {
    envelope(id, |out| {
        ber::write_with(out, tag, |out| {
            ber::write_integer(out, ber::ENUMERATED, code);
            ber::write(out, ber::OCTET_STRING, b"");
            ber::write(out, ber::OCTET_STRING, text.as_bytes());
        });
        if !cookies.is_empty() {
            ber::write_with(out, CONTROLS, |out| {
                for cookie in cookies {
                    ber::write_with(out, ber::SEQUENCE, |out| {
                        ber::write(out, ber::OCTET_STRING, PAGED_RESULTS.as_bytes());
                        ber::write_boolean(out, ber::BOOLEAN, false);
                        ber::write_with(out, ber::OCTET_STRING, |out| {
                            ber::write_with(out, ber::SEQUENCE, |out| {
                                ber::write_integer(out, ber::INTEGER, 0);
                                ber::write(out, ber::OCTET_STRING, cookie);
                            });
                        });
                    });
                }
            });
        }
    })
}

/// The end of a search as a server sends it.
pub fn search_done(id: i32, code: i64, cookies: &[&[u8]]) -> Vec<u8> {
    outcome(id, SEARCH_DONE, code, "", cookies)
}

/// The answer to a bind as a server sends it.
pub fn bound(id: i32, code: i64, text: &str) -> Vec<u8> {
    outcome(id, BIND_RESPONSE, code, text, &[])
}

/// The answer to `StartTLS`, or with id 0 a notice of disconnection, as a server sends it.
pub fn extended(id: i32, code: i64, text: &str) -> Vec<u8> {
    outcome(id, EXTENDED_RESPONSE, code, text, &[])
}

/// A reference to another server as a server sends it.
pub fn reference(id: i32) -> Vec<u8> {
    envelope(id, |out| {
        ber::write_with(out, SEARCH_REFERENCE, |out| {
            ber::write(out, ber::OCTET_STRING, b"ldap://other.test/dc=x");
        });
    })
}

/// The id and the tag of a request, for servers in tests.
pub fn request(bytes: &[u8]) -> (i32, u8) {
    let mut message = Reader::new(Reader::new(bytes).expect(ber::SEQUENCE, "").unwrap());
    let id = ber::integer(message.expect(ber::INTEGER, "").unwrap()).unwrap();
    (i32::try_from(id).unwrap(), message.element().unwrap().0)
}

/// The DN and the attributes of an entry, owned.
fn owned(entry: Entry<'_>) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut entry = entry;
    let mut all = Vec::new();
    while let Some(attribute) = entry.next_attribute().unwrap() {
        let name = String::from_utf8(attribute.description.to_vec()).unwrap();
        all.push((name, attribute.values.into_iter().map(<[u8]>::to_vec).collect()));
    }
    all
}

#[test]
fn a_bind_is_encoded_as_the_standard_says() {
    let expected = [
        0x30, 0x11, 0x02, 0x01, 0x01, 0x60, 0x0c, 0x02, 0x01, 0x03, 0x04, 0x04, b'c', b'n', b'=', b'a', 0x80, 0x01,
        b'p',
    ];
    assert_eq!(bind(1, "cn=a", "p"), expected);
}

#[test]
fn a_search_with_a_page_is_encoded_as_the_standards_say() {
    let request = Search {
        base: "dc=a",
        scope: Scope::Subtree,
        filter: &[0x87, 0x01, b'o'],
        attributes: &["uid".to_owned()],
        size_limit: 0,
        page: Some((1000, b"ck")),
    };
    let mut expected = vec![
        0x30, 0x4c, 0x02, 0x01, 0x02, 0x63, 0x1f, 0x04, 0x04, b'd', b'c', b'=', b'a',
    ];
    expected.extend([
        0x0a, 0x01, 0x02, 0x0a, 0x01, 0x00, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x01, 0x01, 0x00,
    ]);
    expected.extend([0x87, 0x01, b'o', 0x30, 0x05, 0x04, 0x03, b'u', b'i', b'd']);
    expected.extend([0xa0, 0x26, 0x30, 0x24, 0x04, 0x16]);
    expected.extend(PAGED_RESULTS.as_bytes());
    expected.extend([0x04, 0x0a, 0x30, 0x08, 0x02, 0x02, 0x03, 0xe8, 0x04, 0x02, b'c', b'k']);
    assert_eq!(search(2, &request), expected);
}

#[test]
fn an_entry_is_read_with_all_its_values() {
    let bytes = entry(
        7,
        "uid=a,dc=b",
        &[("uid", &[b"a"]), ("mail", &[b"a@x", b"b@x"]), ("photo", &[b"\xff\xd8"])],
    );
    let message = Message::decode(&bytes).unwrap();
    assert_eq!(message.id, 7);
    let Answer::Entry(found) = message.answer else {
        panic!("{message:?}")
    };
    assert_eq!(found.dn, b"uid=a,dc=b");
    let attributes = owned(found);
    assert_eq!(
        attributes[1],
        ("mail".to_owned(), vec![b"a@x".to_vec(), b"b@x".to_vec()])
    );
    assert_eq!(attributes[2].1, [b"\xff\xd8"]);
}

#[test]
fn the_end_of_a_page_gives_its_cookie() {
    let cookie_of = |cookies: &[&[u8]]| {
        let bytes = search_done(3, 0, cookies);
        match Message::decode(&bytes).unwrap().answer {
            Answer::SearchDone(outcome) => outcome.cookie.map(<[u8]>::to_vec),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(cookie_of(&[]), None);
    assert_eq!(cookie_of(&[b""]), Some(Vec::new()));
    assert_eq!(cookie_of(&[b"next"]), Some(b"next".to_vec()));
}

#[test]
fn an_empty_control_beside_the_one_with_the_cookie_does_not_end_the_read() {
    for cookies in [[&b"next"[..], b""], [b"", b"next"]] {
        let bytes = search_done(3, 0, &cookies);
        let Answer::SearchDone(outcome) = Message::decode(&bytes).unwrap().answer else {
            panic!("no end")
        };
        assert_eq!(outcome.cookie, Some(&b"next"[..]));
    }
}

#[test]
fn brackets_nested_without_end_are_malformed_and_take_no_stack() {
    let depth = 100_000_u32;
    let nested: Vec<u8> = (1..=depth)
        .flat_map(|level| [&[0x30, 0x84][..], &((depth - level) * 6).to_be_bytes()].concat())
        .collect();
    assert!(Message::decode(&nested).is_err());
    let inside = envelope(1, |out| out.extend_from_slice(&nested));
    assert!(matches!(
        Message::decode(&inside),
        Ok(Message {
            answer: Answer::Other,
            ..
        })
    ));
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), place in 0_usize..80, byte: u8) {
        let mut valid = entry(7, "uid=a,dc=b", &[("uid", &[b"a"]), ("mail", &[b"a@x", b"b@x"])]);
        let place = place % valid.len();
        valid[place] = byte;
        for bytes in [bytes, valid] {
            if let Ok(Message { answer: Answer::Entry(mut entry), .. }) = Message::decode(&bytes) {
                while let Ok(Some(attribute)) = entry.next_attribute() {
                    attribute.values.into_iter().for_each(drop);
                }
            }
        }
    }
}
