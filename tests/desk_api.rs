//! The JSON API, `/healthz` and `/metrics` over real HTTP.

mod desk;

use bode::record::CaseStatus;
use desk::Desk;
use desk::samples::number;
use serde_json::json;

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
    desk.health.ill("mailbox", "the server refused the password");
    let ill = visitor.get("/healthz");
    assert_eq!((ill.status, ill.body.as_str()), (503, "mailbox: the server refused the password\n"));
    let metrics = desk.program().get("/metrics").body;
    assert!(metrics.contains("bode_up{part=\"mailbox\"} 0"));
    assert!(metrics.contains("bode_cases{queue=\"spoed\",status=\"open\"} 1"), "{metrics}");
    assert!(!metrics.contains("Priscilla"));
    let open = Desk::start_with(bode::config::Desk { metrics_open: true, ..bode::config::Desk::default() });
    assert_eq!(open.visitor().get("/metrics").status, 200);
}
