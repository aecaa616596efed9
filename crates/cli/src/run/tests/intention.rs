use super::*;

const EXACT: &str = "/v1/connect/intentions/exact?source=web&destination=db";
const STORED: &str = r#"{"SourceNS":"default","SourceName":"web","DestinationNS":"default","DestinationName":"db","Action":"allow","Precedence":9}"#;

#[test]
fn an_intention_is_created_once_and_replaced_only_if_told_so() {
    let put = format!("PUT {EXACT}");
    let get = format!("GET {EXACT}");
    let empty = Agent::new(&[(&put, 200, "true")]);
    for (arguments, out) in [
        ("-deny web db", "Created: web => db (deny)\n"),
        ("default/web default/db", "Created: web => db (allow)\n"),
        ("-replace web db", "Created: web => db (allow)\n"),
    ] {
        let run = empty.run(&format!("intention create {arguments}"));
        assert_eq!(
            (run.code, run.out.as_str()),
            (0, out),
            "{arguments}: {}",
            run.err
        );
    }
    assert_eq!(empty.asked()[1], format!("{put} {{\"Action\":\"deny\"}}"));
    let full = Agent::new(&[(&put, 200, "true"), (&get, 200, STORED)]);
    let duplicate = full.run("intention create -deny web db");
    assert_eq!((duplicate.code, duplicate.out.as_str()), (1, ""));
    assert!(
        duplicate.err.contains("web => db (allow)"),
        "{}",
        duplicate.err
    );
    let replaced = full.run("intention create -replace -deny web db");
    assert_eq!(
        (replaced.code, replaced.out.as_str(), replaced.err.as_str()),
        (0, "", "")
    );
}

#[test]
fn intentions_come_from_files_too_but_not_those_with_permissions() {
    let agent = Agent::new(&[(&format!("PUT {EXACT}"), 200, "true")]);
    let create = |text: &str| agent.run_with("intention create -file -", text, &[]);
    let run =
        create(r#"{"SourceName":"web","DestinationName":"db","Action":"deny","Description":"d"}"#);
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "Created: web => db (deny)\n"),
        "{}",
        run.err
    );
    assert!(
        agent.asked()[1].ends_with(r#"{"Description":"d","Action":"deny"}"#),
        "{:?}",
        agent.asked()
    );
    for text in [
        "{",
        r#"{"SourceName":"web","DestinationName":"db"}"#,
        r#"{"SourceName":"web","DestinationName":"db","Action":"deny","Colour":"red"}"#,
        r#"{"SourceName":"web","DestinationName":"db","Permissions":[{"Action":"allow"}]}"#,
    ] {
        assert_eq!(create(text).code, 1, "{text}");
    }
    assert_eq!(agent.asked().len(), 2);
}

#[test]
fn wrong_arguments_of_intentions_have_the_exit_codes_of_consul() {
    let agent = Agent::new(&[]);
    for (arguments, code) in [
        ("create", 1),
        ("create web", 1),
        ("create a b c", 1),
        ("create -allow -deny x y", 1),
        ("create web db -deny", 1),
        ("check web", 2),
        ("check a b c", 2),
        ("check web db", 2),
        ("match", 1),
        ("match a b", 1),
        ("match -source -destination x", 1),
        ("get", 1),
        ("delete", 1),
        ("delete a b c", 1),
    ] {
        let run = agent.run(&format!("intention {arguments}"));
        assert_eq!(
            (run.code, run.out.as_str(), run.err.is_empty()),
            (code, "", false),
            "{arguments}"
        );
    }
}

#[test]
fn a_check_prints_its_answer_and_exits_with_it() {
    let agent = Agent::new(&[
        (
            "GET /v1/connect/intentions/check?source=web&destination=db",
            200,
            r#"{"Allowed":true}"#,
        ),
        (
            "GET /v1/connect/intentions/check?source=x&destination=db",
            200,
            r#"{"Allowed":false}"#,
        ),
    ]);
    let allowed = agent.run("intention check web db");
    assert_eq!((allowed.code, allowed.out.as_str()), (0, "Allowed\n"));
    let denied = agent.run("intention check x db");
    assert_eq!(
        (denied.code, denied.out.as_str(), denied.err.as_str()),
        (1, "Denied\n", "")
    );
}

#[test]
fn intentions_are_listed_matched_and_printed() {
    let with_id = STORED.replace(
        "{\"SourceNS\"",
        "{\"ID\":\"1-2\",\"Description\":\"d\",\"Meta\":{\"k\":\"v\"},\"SourceNS\"",
    );
    let l7 = r#"{"SourceName":"web","DestinationName":"shop","CreatedAt":"0001-01-01T00:00:00Z","Precedence":9,
                 "Permissions":[{"Action":"allow"},{"Action":"deny"}]}"#;
    let list = format!("[{with_id},{l7}]");
    let matches = format!("{{\"db\":{list}}}");
    let agent = Agent::new(&[
        ("GET /v1/connect/intentions", 200, &list),
        ("GET /v1/connect/intentions?stale", 200, "[]"),
        (
            "GET /v1/connect/intentions/match?by=destination&name=db",
            200,
            &matches,
        ),
        (
            "GET /v1/connect/intentions/match?by=source&name=x",
            200,
            r#"{"x":null}"#,
        ),
        (
            "GET /v1/connect/intentions/exact?source=web&destination=shop",
            200,
            l7,
        ),
        (&format!("DELETE {EXACT}"), 200, "true"),
    ]);
    assert_eq!(
        agent.run("intention list").out,
        "ID   Source  Action         Destination  Precedence\n\
         1-2  web     allow          db           9\n     web     2 permissions  shop         9\n"
    );
    let none = agent.run("intention list -stale");
    assert_eq!(
        (none.code, none.out.as_str(), none.err.as_str()),
        (2, "", "There are no intentions.\n")
    );
    assert_eq!(
        agent.run("intention match db").out,
        "web => db (allow)\nweb => shop (2 permissions)\n"
    );
    let nothing = agent.run("intention match -source x");
    assert_eq!((nothing.code, nothing.out.as_str()), (0, ""));
    assert_eq!(
        agent.run("intention get web shop").out,
        "Source:       web\nDestination:  shop\nCreated At:   Monday, 01-Jan-01 00:00:00 UTC\nPermissions:\n\
         [\n  {\n    \"Action\": \"allow\"\n  },\n  {\n    \"Action\": \"deny\"\n  }\n]\n"
    );
    let by_id = agent.run("intention get 1-2").out;
    assert!(
        by_id
            .contains("Action:       allow\nID:           1-2\nDescription:  d\nMeta[k]:      v\n"),
        "{by_id}"
    );
    assert_eq!(agent.run("intention get 9-9").code, 1);
    assert_eq!(agent.run("intention get nobody db").code, 1);
    assert_eq!(
        agent.run("intention delete 1-2").out,
        "Intention deleted.\n"
    );
    assert_eq!(
        agent.run("intention delete web db").out,
        "Intention deleted.\n"
    );
    assert_eq!(agent.run("intention delete 9-9").code, 1);
}
