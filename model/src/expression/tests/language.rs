//! What expressions can do.

use super::*;

#[test]
fn every_text_attribute_is_read_by_its_name_and_is_empty_when_absent() {
    for info in crate::attribute::ATTRIBUTES {
        let expected = match info.kind {
            crate::attribute::Kind::Text => text(""),
            crate::attribute::Kind::TextList if info.attribute == Attribute::Groups => list(GROUPS),
            crate::attribute::Kind::TextList => list(&[]),
            crate::attribute::Kind::Flag => Ok(Value::Bool(true)),
            crate::attribute::Kind::Date => Ok(Value::Null),
        };
        assert_eq!(user_of(&format!("user.{}", info.name), &[]), expected, "{}", info.name);
        let expression = compiled(&format!("user.{}", info.name), Subject::User);
        assert!(expression.reads().user.contains(info.attribute) && !expression.reads().now);
        assert_eq!(expression.reads().user.iter().count(), 1);
    }
    assert_eq!(user("user.department"), text("R&D"));
    assert_eq!(user("user[\"department\"]"), text("R&D"));
}

#[test]
fn every_group_attribute_is_read_by_its_name() {
    assert_eq!(group("group.id"), text("g1"));
    assert_eq!(group("group.name"), text("team-blue"));
    assert_eq!(group("group.description"), text("The blue team"));
    assert_eq!(group("group.members"), list(MEMBERS));
    assert!(compiled("size(group.members) > 1", Subject::Group).reads().members);
    assert!(!compiled("group.name", Subject::Group).reads().members);
}

#[test]
fn the_examples_of_the_docs_work() {
    assert_eq!(
        user("user.active && user.employeeType != \"Contractor\""),
        Ok(Value::Bool(true))
    );
    assert_eq!(
        user("[user.division, user.custom.costCode]"),
        list(&["Platform", "C-17"])
    );
    assert_eq!(group("group.name.replace(\"team-\", \"\")"), text("blue"));
}

#[test]
fn texts_are_compared_searched_and_changed() {
    assert_eq!(
        user("user.department == 'R&D' && user.title != ''"),
        Ok(Value::Bool(true))
    );
    assert_eq!(
        user("user.title.startsWith('Senior') && user.title.endsWith('Engineer')"),
        Ok(Value::Bool(true))
    );
    assert_eq!(
        user("user.title.contains('ior E') && !user.title.contains('x')"),
        Ok(Value::Bool(true))
    );
    assert_eq!(user("user.title < 'Z' && user.title >= 'A'"), Ok(Value::Bool(true)));
    assert_eq!(
        user("user.title.matches('^Senior (Engineer|Manager)$')"),
        Ok(Value::Bool(true))
    );
    assert_eq!(user("user.title.matches('^engineer$')"), Ok(Value::Bool(false)));
    assert_eq!(user("user.title.lowerAscii()"), text("senior engineer"));
    assert_eq!(user("user.title.upperAscii()"), text("SENIOR ENGINEER"));
    assert_eq!(user("'  a '.trim()"), text("a"));
    assert_eq!(user("user.title.replace('e', '3')"), text("S3nior Engin33r"));
    assert_eq!(user("user.title.replace('e', '3', 1)"), text("S3nior Engineer"));
    assert_eq!(user("user.title.split(' ')"), list(&["Senior", "Engineer"]));
    assert_eq!(user("user.title.split(' ')[1]"), text("Engineer"));
    assert_eq!(user("'a,b,c'.split(',', 2)"), list(&["a", "b,c"]));
    assert_eq!(user("[user.givenName, user.familyName].join(' ')"), text("Ann Lee"));
    assert_eq!(user("['a', 'b'].join()"), text("ab"));
    assert_eq!(user("user.title.substring(7)"), text("Engineer"));
    assert_eq!(user("user.title.substring(0, 6)"), text("Senior"));
    assert_eq!(user("user.title.charAt(0)"), text("S"));
    assert_eq!(user("'\u{fc}ber'.indexOf('b')"), Ok(Value::Int(1)));
    assert_eq!(user("'banana'.lastIndexOf('an')"), Ok(Value::Int(3)));
    assert_eq!(user("'banana'.indexOf('x')"), Ok(Value::Int(-1)));
    assert_eq!(user("user.givenName + ' ' + user.familyName"), text("Ann Lee"));
    assert_eq!(user("size(user.givenName) + user.familyName.size()"), Ok(Value::Int(6)));
}

#[test]
fn lists_are_searched_counted_and_gone_through() {
    assert_eq!(user("'eng-all' in user.groups"), Ok(Value::Bool(true)));
    assert_eq!(
        user("'sales' in user.groups || 'x@acme.test' in user.emails"),
        Ok(Value::Bool(false))
    );
    assert_eq!(user("user.department in ['Sales', 'R&D']"), Ok(Value::Bool(true)));
    assert_eq!(
        user("size(user.groups) >= 3 && user.emails.size() < 3 && size(user.groups) == 3"),
        Ok(Value::Bool(true))
    );
    assert_eq!(
        user("user.groups.exists(g, g.startsWith('eng-'))"),
        Ok(Value::Bool(true))
    );
    assert_eq!(user("user.groups.all(g, g.startsWith('eng-'))"), Ok(Value::Bool(false)));
    assert_eq!(user("user.groups.exists_one(g, g == 'eng-all')"), Ok(Value::Bool(true)));
    assert_eq!(
        user("user.groups.filter(g, g.startsWith('eng-'))"),
        list(&["eng-all", "eng-platform"])
    );
    assert_eq!(
        user("user.groups.map(g, g.replace('eng-', ''))"),
        list(&["all", "platform", "office-berlin"])
    );
    assert_eq!(
        user("user.groups.map(g, g.startsWith('eng-'), 'team-' + g.substring(4))"),
        list(&["team-all", "team-platform"])
    );
    assert_eq!(user("user.groups[0]"), text("eng-all"));
    assert_eq!(
        user("user.groups + ['x']"),
        list(&["eng-all", "eng-platform", "office-berlin", "x"])
    );
    assert_eq!(
        user("user.groups.exists(g, g.startsWith('eng-')) && !user.groups.exists(g, g.endsWith('-external'))"),
        Ok(Value::Bool(true))
    );
    assert_eq!(
        group("'u2' in group.members && size(group.members) == 3"),
        Ok(Value::Bool(true))
    );
    assert_eq!(group("group.members.exists(m, m == 'u9')"), Ok(Value::Bool(false)));
}

#[test]
fn custom_attributes_have_the_type_that_the_directory_gave() {
    assert_eq!(user("user.custom.costCode"), text("C-17"));
    assert_eq!(user("user.custom[\"cost center\"] == '4711'"), Ok(Value::Bool(true)));
    assert_eq!(user("user.custom.level + 1"), Ok(Value::Int(8)));
    assert_eq!(user("user.custom.level > 6.5"), Ok(Value::Bool(true)));
    assert_eq!(user("user.custom.ratio"), Ok(Value::Double(0.5)));
    assert_eq!(user("user.custom.vip ? 'gold' : 'plain'"), text("gold"));
    assert_eq!(user("user.custom.vip == true"), Ok(Value::Bool(true)));
    assert_eq!(user("user.custom.tags"), list(&["blue", "green"]));
    assert_eq!(user("user.custom.tags.exists(t, t == 'green')"), Ok(Value::Bool(true)));
    assert_eq!(user("'blue' in user.custom.tags"), Ok(Value::Bool(true)));
    assert_eq!(user("user.custom.address.city"), text("Berlin"));
    assert_eq!(user("user.custom.address['zip']"), Ok(Value::Int(10115)));
    assert_eq!(user("has(user.custom.address.street)"), Ok(Value::Bool(false)));
    assert_eq!(
        user("user.custom.address.exists(key, key == 'city')"),
        Ok(Value::Bool(true))
    );
    let reads = compiled("has(user.custom.a) ? user.custom.b : user.custom['c d']", Subject::User);
    let names: Vec<_> = reads.reads().custom.iter().map(String::as_str).collect();
    assert_eq!(names, ["a", "b", "c d"]);
    assert!(reads.reads().user.reads_custom());
}

#[test]
fn an_absent_custom_attribute_is_tested_with_has_and_fails_when_read() {
    assert_eq!(user("has(user.custom.costCode)"), Ok(Value::Bool(true)));
    assert_eq!(
        user("has(user.custom.nothing) ? user.custom.nothing : 'none'"),
        text("none")
    );
    assert_eq!(user("'nothing' in user.custom"), Ok(Value::Bool(false)));
    let absent = EvaluationError::Absent {
        name: "nothing".to_owned(),
    };
    assert_eq!(user("user.custom.nothing"), Err(absent.clone()));
    assert_eq!(user("user.custom.nothing == 'a'"), Err(absent));
    assert_eq!(
        user("user.custom.nothing").unwrap_err().to_string(),
        "user.custom.nothing is absent; test it first with has(user.custom.nothing)"
    );
    assert_eq!(user("user.custom.nothing == 'a' || user.active"), Ok(Value::Bool(true)));
}

#[test]
fn dates_are_midnights_in_utc_and_compare_with_now() {
    assert_eq!(user("user.startDate"), text("2024-02-29T00:00:00Z"));
    assert_eq!(user("user.startDate < now"), Ok(Value::Bool(true)));
    assert_eq!(
        user("user.startDate == timestamp('2024-02-29T00:00:00Z')"),
        Ok(Value::Bool(true))
    );
    assert_eq!(user("user.startDate.getFullYear()"), Ok(Value::Int(2024)));
    assert_eq!(user("user.startDate.getHours('+02:00')"), Ok(Value::Int(2)));
    assert_eq!(user("user.startDate + duration('24h')"), text("2024-03-01T00:00:00Z"));
    assert_eq!(user("now - user.startDate > duration('1000h')"), Ok(Value::Bool(true)));
    assert_eq!(user("now - timestamp('2026-06-15T10:29:59.5Z')"), text("5400.5s"));
    assert_eq!(
        user("user.endDate == null || user.endDate > now"),
        Ok(Value::Bool(true))
    );
    assert_eq!(user("now == timestamp('2026-06-15T12:00:00Z')"), Ok(Value::Bool(true)));
    assert!(compiled("user.startDate < now", Subject::User).reads().now);
}

#[test]
fn a_null_date_that_is_compared_says_what_to_test_first() {
    let message = user("user.endDate > now").unwrap_err().to_string();
    assert_eq!(
        message,
        "> can't take (null, timestamp); a date is null where it is absent: test it first with user.startDate != null"
    );
}

#[test]
fn a_date_that_is_none_fails_for_that_person() {
    let mut bytes = Vec::new();
    RecordWriter::new(&mut bytes).text(Attribute::EndDate, "when the project ends");
    assert_eq!(
        user_of("user.endDate == null", &bytes),
        Err(EvaluationError::InvalidDate { attribute: "endDate" })
    );
    assert_eq!(user_of("user.active", &bytes), Ok(Value::Bool(true)));
}

#[test]
fn numbers_conditions_and_maps_work() {
    assert_eq!(user("(7 - 2) * 3 % 4 / 1"), Ok(Value::Int(3)));
    assert_eq!(
        user("-user.custom.level < 0 && 1.5 * 2.0 == 3.0"),
        Ok(Value::Bool(true))
    );
    assert_eq!(
        user("size(user.groups) < 3.5 && 3.0 == size(user.groups)"),
        Ok(Value::Bool(true))
    );
    assert_eq!(user("-size(user.groups)"), Ok(Value::Int(-3)));
    assert_eq!(user("int('42') + int(1.9)"), Ok(Value::Int(43)));
    assert_eq!(user("string(user.custom.level) + string(true)"), text("7true"));
    assert_eq!(user("double('1.5')"), Ok(Value::Double(1.5)));
    assert_eq!(user("bool('true')"), Ok(Value::Bool(true)));
    assert_eq!(user("user.active ? user.department : 'gone'"), text("R&D"));
    assert_eq!(
        user("{'R&D': 'research', 'Sales': 'field'}[user.department]"),
        text("research")
    );
    assert_eq!(user("user.department in {'R&D': 1}"), Ok(Value::Bool(true)));
    assert_eq!(user("{'a': 1}.a"), Ok(Value::Int(1)));
    assert_eq!(user("user.title == '' ? null : user.title"), text("Senior Engineer"));
}

#[test]
fn comments_raw_strings_and_line_breaks_are_fine() {
    assert_eq!(
        user("// who\nuser.active\n  && user.title.matches(r'^Senior\\s') // and what"),
        Ok(Value::Bool(true))
    );
}

#[test]
fn a_duration_is_given_as_its_seconds() {
    for (duration, seconds) in [("1h30m", "5400s"), ("1500ms", "1.5s"), ("0s", "0s"), ("-90s", "-90s")] {
        assert_eq!(user(&format!("duration('{duration}')")), text(seconds));
    }
    assert_eq!(
        user("user.startDate - (user.startDate + duration('36h'))"),
        text("-129600s")
    );
}
