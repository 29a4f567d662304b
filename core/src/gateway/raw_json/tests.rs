//! What is found, and what is refused.

use super::*;

fn member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let members = Members::of(text, whole(text).unwrap()).unwrap();
    text.get(members.get(name)?)
}

#[test]
fn members_are_found_as_they_are_written() {
    let text = r#" { "a" : 1.0e5 ,"b":{"c":[1, 2]}, "d\u0065":"x\"y" , "n":null} "#;
    assert_eq!(member(text, "a"), Some("1.0e5"));
    assert_eq!(member(text, "b"), Some(r#"{"c":[1, 2]}"#));
    assert_eq!(member(text, "de"), Some(r#""x\"y""#));
    assert_eq!(member(text, "n"), Some("null"));
    assert_eq!(member(text, "c"), None);
    assert_eq!(member("{}", "a"), None);
}

#[test]
fn member_given_twice_is_refused_however_it_is_written() {
    for text in [r#"{"id":1,"id":1}"#, r#"{"id":1,"\u0069d":2}"#] {
        for members in [Members::of(text, 0..text.len()), Members::of_whole(text)] {
            assert_eq!(members.unwrap_err(), JsonFault::Twice, "{text}");
        }
    }
}

#[test]
fn member_given_twice_is_refused_among_many() {
    for many in [FEW_MEMBERS - 1, FEW_MEMBERS, FEW_MEMBERS + 1, 100] {
        let members: Vec<_> = (0..many).map(|number| format!("\"m{number}\":1")).collect();
        let members = members.join(",");
        assert!(Members::of_whole(&format!("{{{members}}}")).is_ok());
        for again in [0, many - 1] {
            let text = format!("{{{members},\"m{again}\":2}}");
            let read = Members::of_whole(&text);
            assert_eq!(read.unwrap_err(), JsonFault::Twice, "{text}");
        }
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        "{",
        "}",
        "[1,]",
        "{\"a\"}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":1} {}",
        "nul",
        "1 2",
        "{\"a\":\"\n\"}",
        "{\"a\":01}",
        "{\"a\":1 \"b\":2}",
        "\u{feff}{}",
        "{1:2}",
    ] {
        assert!(Members::of_whole(text).is_err(), "{text}");
    }
}

// K3, R9
#[test]
fn brackets_in_strings_are_not_depth_and_others_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(check_depth(&nested(DEPTH)), Ok(()));
    assert_eq!(check_depth(&nested(DEPTH + 1)), Err(JsonFault::TooDeep));
    let text = format!(r#"["\"{}","\\"]"#, "[".repeat(1000));
    assert_eq!(check_depth(&text), Ok(()));
    let text = format!(r#"["\\",{}]"#, nested(DEPTH));
    assert_eq!(check_depth(&text), Err(JsonFault::TooDeep));
}

#[test]
fn member_that_is_cut_out_leaves_an_object() {
    let without = |text: &str, names: &[&str]| {
        let members = Members::of(text, whole(text).unwrap()).unwrap();
        let cut = members.cut(names).into_iter().map(|at| (at, ""));
        splice(text, cut.collect())
    };
    let text = r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#;
    for (names, left) in [
        (&["a"][..], r#"{ "b" : 2 , "c" : 3 }"#),
        (&["b"], r#"{ "a" : 1 , "c" : 3 }"#),
        (&["c"], r#"{ "a" : 1 , "b" : 2 }"#),
        (&["a", "b"], r#"{ "c" : 3 }"#),
        (&["c", "a"], r#"{ "b" : 2 }"#),
        (&["b", "c"], r#"{ "a" : 1 }"#),
        (&["a", "b", "c", "d"], "{  }"),
        (&["d"], text),
    ] {
        assert_eq!(without(text, names), left, "{names:?}");
    }
    assert_eq!(without("{}", &["a"]), "{}");
}

#[test]
fn value_of_checked_text_is_found_as_the_parser_finds_it() {
    for text in [
        "1",
        "-1.5e+9",
        "null",
        r#""a\\\"]}""#,
        "[]",
        "{}",
        r#"[1,{"a":"]"},[[]]]"#,
        r#"{"a":{"b":"}\\"}}"#,
    ] {
        for around in ["{text}", " {text} ", "{text},1", "{text}]", "{text} }"] {
            let around = around.replace("{text}", text);
            assert_eq!(
                value_at(&around, 0),
                checked_value_at(&around, 0),
                "{around}"
            );
        }
    }
}

#[test]
fn elements_are_found_as_they_are_written() {
    let text = r#"[ {"a":[1]} ,2,"," ]"#;
    let found = elements(text, whole(text).unwrap()).unwrap();
    let found: Vec<_> = found.into_iter().map(|at| text.get(at)).collect();
    assert_eq!(found, [r#"{"a":[1]}"#, "2", r#"",""#].map(Some));
    assert!(elements("[]", 0..2).unwrap().is_empty());
    assert!(elements("{}", 0..2).is_err());
}
