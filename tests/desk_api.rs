//! The JSON API, `/healthz` and `/metrics` over real HTTP.

mod desk;

use bode::record::CaseStatus;
use bode::review::Code;
use desk::Desk;
use desk::samples::number;
use serde_json::{Value, json};

#[test]
fn without_a_token_the_api_says_401_as_a_problem() {
    let desk = Desk::start();
    let mut visitor = desk.visitor();
    let case = format!("/api/v1/cases/{}", number(1));
    for path in ["/api/v1/openapi.json", "/api/v1/cases", case.as_str(), "/metrics"] {
        let answer = visitor.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{path}");
    }
    let answer = visitor.get("/api/v1/cases");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.json()["status"], 401);
    visitor.headers.push(("Authorization".into(), "Bearer bode_00".into()));
    assert_eq!(visitor.get("/api/v1/cases").status, 401);
    let posted =
        visitor.post_json(&format!("{case}/decision"), &json!({"verdict": "take-up", "revision": 1}));
    assert_eq!(posted.status, 401);
}

#[test]
fn a_token_opens_the_api_and_not_the_pages() {
    let desk = Desk::start();
    let mut program = desk.program();
    assert_eq!(program.get("/").status, 303);
    let list = program.get("/api/v1/cases").json();
    assert_eq!((list["total"].as_u64(), list["page"].as_u64()), (Some(7), Some(1)));
    let urgent = program.get("/api/v1/cases?queue=spoed").json();
    assert_eq!(urgent["cases"][0]["number"], number(5).to_string());
    assert_eq!(program.get("/api/v1/cases?status=all").json()["total"], 8);
    assert_eq!(program.get("/api/v1/openapi.json").json()["openapi"], "3.1.0");
}

#[test]
fn a_case_and_a_decision_over_the_api() {
    let desk = Desk::start();
    let mut program = desk.program();
    let path = format!("/api/v1/cases/{}", number(2));
    let answer = program.get(&path);
    let body = answer.json();
    assert_eq!(body["judgement"]["complained_about"], json!(["uwv"]));
    assert_eq!(body["pieces"][0]["extract"]["documents"][0]["method"], "body");
    assert!(body["answer_text"].as_str().unwrap().contains("automatisch bericht"));
    let revision = body["case"]["revision"].as_u64().unwrap();
    assert_eq!(answer.header("etag"), Some(format!("\"{revision}\"").as_str()));

    let post = |body: serde_json::Value, program: &mut desk::Client| {
        program.post_json(&format!("{path}/decision"), &body)
    };
    let missing = post(json!({"verdict": "take-up"}), &mut program);
    assert_eq!(missing.status, 428);
    assert_eq!(missing.header("content-type"), Some("application/problem+json"));
    assert_eq!(post(json!({"verdict": "refer", "revision": revision}), &mut program).status, 422);
    assert_eq!(post(json!({"verdict": "dance", "revision": revision}), &mut program).status, 422);
    assert_eq!(post(json!({"verdict": "take-up", "revision": revision, "x": 1}), &mut program).status, 422);
    assert_eq!(post(json!({"verdict": "take-up", "revision": revision + 1}), &mut program).status, 409);
    let done = post(
        json!({"verdict": "refer", "refer_to": "nationale-ombudsman", "reason": "UWV", "revision": revision}),
        &mut program,
    );
    assert_eq!(done.status, 200, "{}", done.body);
    assert_eq!(done.json()["status"], "closed");
    assert_eq!(done.json()["decision"]["by"], "api:zaaksysteem");
    assert_eq!(desk.store.case(number(2)).unwrap().unwrap().status, CaseStatus::Closed);
    let again = post(json!({"verdict": "take-up", "revision": revision}), &mut program);
    assert_eq!(again.status, 409);
    let not_json = program.send("POST", &format!("{path}/decision"), Some("text/plain"), "x");
    assert_eq!(not_json.status, 415);
    assert_eq!(program.get("/api/v1/cases/2026-000001-9").status, 404);
    assert_eq!(program.get("/api/v1/nergens").json()["status"], 404);
}

#[test]
fn a_browser_needs_the_token_of_its_session() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let page = noor.get(&format!("/cases/{}", number(1)));
    let path = format!("/api/v1/cases/{}/decision", number(1));
    let body = json!({"verdict": "take-up", "revision": page.field("revision").parse::<u64>().unwrap()});
    assert_eq!(noor.post_json(&path, &body).status, 403);
    noor.headers.push(("X-CSRF-Token".into(), page.field("csrf")));
    assert_eq!(noor.post_json(&path, &body).status, 200);
}

#[test]
fn health_and_metrics() {
    let desk = Desk::start();
    let mut visitor = desk.visitor();
    assert_eq!(visitor.get("/healthz").body, "ok\n");
    desk.health.ill("mailbox", Code::SourceUnreachable, "the server refused the password");
    let ill = visitor.get("/healthz");
    assert_eq!((ill.status, ill.body.as_str()), (503, "mailbox: the server refused the password\n"));
    desk.health.ill("rules", Code::RulesRefused, "the last reload was refused; the old rules are in force");
    visitor.headers.push(("Accept".into(), "application/json".into()));
    let told: serde_json::Value = serde_json::from_str(&visitor.get("/healthz").body).unwrap();
    assert_eq!(told["status"], "stopped");
    assert_eq!(
        told["reasons"][0],
        serde_json::json!({"part": "mailbox", "code": "source-unreachable", "stops": true,
                           "reason": "the server refused the password"})
    );
    desk.health.well("mailbox");
    let told = visitor.get("/healthz");
    assert_eq!(told.status, 200, "it takes in, by the old rules");
    assert!(
        told.body.contains("\"status\":\"ailing\"") && told.body.contains("rules-refused"),
        "{}",
        told.body
    );
    desk.health.ill("mailbox", Code::SourceUnreachable, "the server refused the password");
    let metrics = desk.program().get("/metrics").body;
    assert!(metrics.contains("bode_up{part=\"mailbox\"} 0"));
    assert!(metrics.contains("bode_cases{queue=\"spoed\",status=\"open\"} 1"), "{metrics}");
    assert!(!metrics.contains("Priscilla"));
    let open = Desk::start_with(bode::config::Desk { metrics_open: true, ..bode::config::Desk::default() });
    assert_eq!(open.visitor().get("/metrics").status, 200);
}

#[test]
fn an_etag_that_no_longer_matches_is_412_and_one_that_does_is_304() {
    let desk = Desk::start();
    let mut program = desk.program();
    let path = format!("/api/v1/cases/{}", number(1));
    let tag = program.get(&path).header("etag").unwrap().to_owned();
    program.headers.push(("If-None-Match".into(), tag.clone()));
    let same = program.get(&path);
    assert_eq!((same.status, same.header("etag"), same.body.as_str()), (304, Some(tag.as_str()), ""));
    program.headers.truncate(1);
    let decide = |program: &mut desk::Client, tag: &str| {
        program.headers.push(("If-Match".into(), tag.to_owned()));
        let answer = program.post_json(&format!("{path}/decision"), &json!({"verdict": "take-up"}));
        program.headers.truncate(1);
        answer
    };
    for stale in ["\"999\"", "*", "W/\"1\"", "onzin"] {
        let answer = decide(&mut program, stale);
        assert_eq!(answer.status, 412, "{stale}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    assert_eq!(decide(&mut program, &tag).status, 200);
    assert_eq!(decide(&mut program, &tag).status, 412);
}

#[test]
fn a_write_with_a_key_is_done_once() {
    let desk = Desk::start();
    let mut program = desk.program();
    let path = format!("/api/v1/cases/{}/decision", number(1));
    let revision = desk.store.case(number(1)).unwrap().unwrap().revision;
    let body = json!({"verdict": "take-up", "revision": revision});
    program.headers.push(("Idempotency-Key".into(), "\"a-1\"".into()));
    let first = program.post_json(&path, &body);
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, None));
    let entries = desk.store.last_entry().unwrap();
    let again = program.post_json(&path, &body);
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")));
    assert_eq!((again.header("etag"), &again.body), (first.header("etag"), &first.body));
    assert_eq!(desk.store.last_entry().unwrap(), entries, "nothing was done");
    assert_eq!(program.post_json(&path, &json!({"verdict": "signal", "revision": revision})).status, 422);
    // Another program's key of the same name is another key; a refusal is answered the same too.
    let token = desk.accounts.add_token("ander", bode::review::Role::Reviewer, desk::now()).unwrap();
    let mut other = desk.visitor();
    other.headers.push(("Authorization".into(), format!("Bearer {token}")));
    other.headers.push(("Idempotency-Key".into(), "a-1".into()));
    for replayed in [None, Some("true")] {
        let refused = other.post_json(&path, &body);
        assert_eq!((refused.status, refused.header("idempotency-replayed")), (409, replayed));
        assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    }
    other.headers[1].1 = "x".repeat(201);
    assert_eq!(other.post_json(&path, &body).status, 400);
}

/// Faults of a value by a schema of the document: what is missing, of another kind, or not named there.
fn faults(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = document.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("no {name}"));
        return faults(document, schema, value, place);
    }
    if let Some(all) = schema["anyOf"].as_array() {
        let each: Vec<_> = all.iter().map(|one| faults(document, one, value, place)).collect();
        let fits = each.iter().any(Vec::is_empty);
        return if fits { vec![] } else { each.into_iter().min_by_key(Vec::len).unwrap() };
    }
    let mut found = Vec::new();
    if schema.get("const").is_some_and(|one| one != value)
        || schema["enum"].as_array().is_some_and(|all| !all.contains(value))
    {
        found.push(format!("{place}: {value} is none of them"));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let fits = kinds.is_empty() || kinds.contains(&kind) || kind == "integer" && kinds.contains(&"number");
    if !fits {
        found.push(format!("{place}: {kind}, not {kinds:?}"));
    }
    for item in value.as_array().into_iter().flatten() {
        if schema.get("items").is_some() {
            found.extend(faults(document, &schema["items"], item, &format!("{place}[]")));
        }
    }
    let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else {
        return found;
    };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            found.push(format!("{place}: no {name}"));
        }
    }
    for (name, value) in fields {
        match properties.get(name) {
            Some(schema) => found.extend(faults(document, schema, value, &format!("{place}.{name}"))),
            // Where it came from is told in more words than are promised.
            None if place.ends_with(".origin") => {}
            None => found.push(format!("{place}: {name} is not in the document")),
        }
    }
    found
}

#[test]
fn answers_are_as_the_document_says() {
    let desk = Desk::start();
    let mut program = desk.program();
    let document = program.get("/api/v1/openapi.json").json();
    let of = |path: &str, method: &str, status: &str| {
        document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"].clone()
    };
    let decide = "/api/v1/cases/{number}/decision";
    for (serial, verdict) in [(1, "take-up"), (7, "reopen"), (8, "reopen")] {
        let path = format!("/api/v1/cases/{}", number(serial));
        let revision = program.get(&path).json()["case"]["revision"].as_u64().unwrap();
        let body = json!({"verdict": verdict, "revision": revision, "reason": "Een proef."});
        let answer = program.post_json(&format!("{path}/decision"), &body);
        if answer.status == 200 {
            assert_eq!(faults(&document, &of(decide, "post", "200"), &answer.json(), "decision"), [""; 0]);
        }
    }
    desk.store.join_cases(number(2), None, number(5), "noor", desk::now()).unwrap();
    let list = program.get("/api/v1/cases?status=all").json();
    assert_eq!(faults(&document, &of("/api/v1/cases", "get", "200"), &list, "list"), [""; 0]);
    let schema = of("/api/v1/cases/{number}", "get", "200");
    for serial in 1..=8 {
        let case = program.get(&format!("/api/v1/cases/{}", number(serial))).json();
        assert_eq!(faults(&document, &schema, &case, "case"), [""; 0], "{serial}");
        assert!(
            case["judgement"]["findings"].is_array() && case["pieces"][0]["extract"]["documents"].is_array()
        );
    }
    // The test can fail.
    let mut case = program.get(&format!("/api/v1/cases/{}", number(1))).json();
    case["judgement"]["scope"] = json!("elders");
    case["pieces"][0]["extract"]["nieuw"] = json!(1);
    case["case"].as_object_mut().unwrap().remove("revision");
    assert_eq!(faults(&document, &schema, &case, "case").len(), 3);
}

#[test]
fn a_key_outlives_a_restart() {
    let desk = Desk::start();
    let path = format!("/api/v1/cases/{}/decision", number(1));
    let revision = desk.store.case(number(1)).unwrap().unwrap().revision;
    let body = json!({"verdict": "take-up", "revision": revision});
    let mut program = desk.program();
    program.headers.push(("Idempotency-Key".into(), "b-1".into()));
    let first = program.post_json(&path, &body);
    assert_eq!(first.status, 200, "{}", first.body);
    let kept = std::fs::read_to_string(desk.dir.path().join("idempotency.log")).unwrap();
    assert!(
        !kept.contains("b-1") && !kept.contains("zaaksysteem") && !kept.contains("2026-000001"),
        "{kept}"
    );
    // A desk that knows nothing but what lies on the disk.
    let next = desk.restarted();
    let entries = desk.store.last_entry().unwrap();
    program.address = next.address;
    let again = program.post_json(&path, &body);
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")), "{}", again.body);
    assert_eq!(
        (again.json(), again.header("etag")),
        (first.json(), first.header("etag")),
        "nothing happened since"
    );
    assert_eq!(program.post_json(&path, &json!({"verdict": "signal", "revision": revision})).status, 422);
    assert_eq!(desk.store.last_entry().unwrap(), entries, "nothing was done");
}

#[test]
fn who_asks_too_much_waits() {
    let desk = Desk::start_with(bode::config::Desk { api_per_minute: 60, ..bode::config::Desk::default() });
    let mut program = desk.program();
    for _ in 0..10 {
        assert_eq!(program.get("/api/v1/cases").status, 200);
    }
    let answer = program.get("/api/v1/cases");
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(desk.person("noor").get("/api/v1/cases").status, 200, "others go on");
}

#[test]
fn a_choice_that_is_none_is_refused() {
    let desk = Desk::start();
    let mut program = desk.program();
    for bad in [
        "status=dicht",
        "due=morgen",
        "sort=best",
        "page=0",
        "page=x",
        "todo=alles",
        &format!("q={}", "a".repeat(201)),
    ] {
        let answer = program.get(&format!("/api/v1/cases?{bad}"));
        assert_eq!(answer.status, 400, "{bad}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{bad}");
    }
    assert_eq!(program.get("/api/v1/cases?due=2026-03-20&sort=oldest&status=closed&page=1").status, 200);
    assert_eq!(program.get("/api/v1/cases").header("link"), None, "one page");
}
