use super::*;

const PEERS: &str = r#"{"Index": 7, "Servers": [
    {"ID":"a1","Node":"alice","Address":"10.0.0.1:8300","Leader":false,"ProtocolVersion":"3","Voter":true,"LastIndex":1160},
    {"ID":"b2","Node":"bob","Address":"10.0.0.2:8300","Leader":true,"ProtocolVersion":"3","Voter":true,"LastIndex":1167},
    {"ID":"c3","Node":"(unknown)","Address":"10.0.0.3:8300","Leader":false,"ProtocolVersion":"","Voter":false,"LastIndex":0}]}"#;

const AUTOPILOT: &str = r#"{"CleanupDeadServers":true,"LastContactThreshold":"200ms","MaxTrailingLogs":250,"MinQuorum":0,
    "ServerStabilizationTime":"10s","RedundancyZoneTag":"","DisableUpgradeMigration":false,"UpgradeVersionTag":"v",
    "CreateIndex":4,"ModifyIndex":9}"#;

const STATE: &str = r#"{"Healthy":true,"FailureTolerance":1,"OptimisticFailureTolerance":0,"Leader":"a1","Voters":["b2","a1"],
    "Servers":{"b2":{"ID":"b2","Name":"bob","Address":"10.0.0.2:8300","NodeStatus":"alive","Version":"1.21.0","LastContact":"2ms",
      "LastTerm":3,"LastIndex":41,"Healthy":true,"StableSince":"2026-11-23T21:00:00Z","ReadReplica":false,"Status":"voter",
      "Meta":{"zone":"a"},"NodeType":"voter"},
     "a1":{"ID":"a1","Name":"alice","Address":"10.0.0.1:8300","NodeStatus":"alive","Version":"1.21.0","LastContact":"0s",
      "LastTerm":3,"LastIndex":42,"Healthy":true,"StableSince":"2026-11-23T21:00:00Z","ReadReplica":false,"Status":"leader",
      "Meta":{},"NodeType":"voter"}}}"#;

#[test]
fn the_servers_are_listed_with_how_far_they_are() {
    let agent = Agent::new(&[
        ("GET /v1/operator/raft/configuration", 200, PEERS),
        ("GET /v1/operator/raft/configuration?stale", 500, "no"),
    ]);
    assert_eq!(
        agent.run("operator raft list-peers").out,
        "Node       ID  Address        State     Voter  RaftProtocol  Commit Index  Trails Leader By\n\
         alice      a1  10.0.0.1:8300  follower  true   3             1160          7 commits\n\
         bob        b2  10.0.0.2:8300  leader    true   3             1167          -\n\
         (unknown)  c3  10.0.0.3:8300  follower  false  <=1           -             -\n"
    );
    let run = agent.run("operator raft list-peers -stale");
    assert_eq!(run.code, 1);
    assert!(run.err.starts_with("Error getting peers: "), "{}", run.err);
    assert_eq!(agent.run("operator raft list-peers extra").code, 1);
}

#[test]
fn a_server_is_removed_by_id_or_by_address() {
    let agent = Agent::new(&[
        ("DELETE /v1/operator/raft/peer?id=a1", 200, ""),
        (
            "DELETE /v1/operator/raft/peer?address=10.0.0.1%3A8300",
            200,
            "",
        ),
        (
            "DELETE /v1/operator/raft/peer?id=ghost",
            500,
            "id \"ghost\" was not found",
        ),
    ]);
    assert_eq!(
        agent.run("operator raft remove-peer -id a1").out,
        "Removed peer with id \"a1\"\n"
    );
    assert_eq!(
        agent
            .run("operator raft remove-peer -address 10.0.0.1:8300")
            .out,
        "Removed peer with address \"10.0.0.1:8300\"\n"
    );
    let run = agent.run("operator raft remove-peer -id ghost");
    assert_eq!(run.code, 1);
    assert!(run.err.contains("was not found"), "{}", run.err);
    for arguments in ["", " -id a1 -address x", " extra"] {
        let run = agent.run(&format!("operator raft remove-peer{arguments}"));
        assert_eq!(run.code, 1, "{arguments}");
    }
    assert_eq!(agent.asked().len(), 3);
}

#[test]
fn leadership_is_handed_on() {
    let agent = Agent::new(&[
        (
            "POST /v1/operator/raft/transfer-leader?id=b2",
            200,
            "{\"Success\":true}",
        ),
        (
            "POST /v1/operator/raft/transfer-leader",
            404,
            "Failed to transfer Leader: cannot find peer",
        ),
    ]);
    assert_eq!(
        agent.run("operator raft transfer-leader -id b2").out,
        "Success\n"
    );
    let run = agent.run("operator raft transfer-leader");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.contains("cannot find peer"), "{}", run.err);
}

#[test]
fn the_settings_of_autopilot_are_shown_and_changed_one_by_one() {
    let path = "/v1/operator/autopilot/configuration";
    let (get, put) = (format!("GET {path}"), format!("PUT {path}?cas=9"));
    let agent = Agent::new(&[(&get, 200, AUTOPILOT), (&put, 200, "true")]);
    assert_eq!(
        agent.run("operator autopilot get-config").out,
        "CleanupDeadServers = true\nLastContactThreshold = 200ms\nMaxTrailingLogs = 250\nMinQuorum = 0\n\
         ServerStabilizationTime = 10s\nRedundancyZoneTag = \"\"\nDisableUpgradeMigration = false\n\
         UpgradeMigrationTag = \"v\"\n"
    );
    let set = "operator autopilot set-config -cleanup-dead-servers=false -last-contact-threshold 1s -min-quorum 3";
    assert_eq!(agent.run(set).out, "Configuration updated!\n");
    let asked = agent.asked();
    let body = asked
        .last()
        .unwrap()
        .strip_prefix(&format!("{put} "))
        .unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["CleanupDeadServers"], false);
    assert_eq!(body["LastContactThreshold"], "1s");
    assert_eq!(
        (&body["MinQuorum"], &body["MaxTrailingLogs"]),
        (&3.into(), &250.into())
    );
    assert_eq!(body["UpgradeVersionTag"], "v");
    for bad in [
        "-last-contact-threshold soon",
        "-min-quorum -1",
        "-min-quorum x",
    ] {
        let run = agent.run(&format!("operator autopilot set-config {bad}"));
        assert_eq!(run.code, 1, "{bad}");
    }
    let late = Agent::new(&[(&get, 200, AUTOPILOT), (&put, 200, "false")]);
    let run = late.run("operator autopilot set-config");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.contains("try again"), "{}", run.err);
}

#[test]
fn the_state_of_autopilot_is_shown_server_by_server() {
    let agent = Agent::new(&[("GET /v1/operator/autopilot/state", 200, STATE)]);
    assert_eq!(
        agent.run("operator autopilot state").out,
        "Healthy:                      true\nFailure Tolerance:            1\n\
         Optimistic Failure Tolerance: 0\nLeader:                       a1\nVoters:\n   b2\n   a1\nServers:\n   a1\n      \
         Name:            alice\n      Address:         10.0.0.1:8300\n      Version:         1.21.0\n      \
         Status:          leader\n      Node Type:       voter\n      Node Status:     alive\n      \
         Healthy:         true\n      Last Contact:    0s\n      Last Term:       3\n      Last Index:      42\n   b2\n      \
         Name:            bob\n      Address:         10.0.0.2:8300\n      Version:         1.21.0\n      \
         Status:          voter\n      Node Type:       voter\n      Node Status:     alive\n      \
         Healthy:         true\n      Last Contact:    2ms\n      Last Term:       3\n      Last Index:      41\n      \
         Meta\n         \"zone\": \"a\"\n"
    );
    let json = agent.run("operator autopilot state -format json").out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["Servers"]["b2"]["LastContact"], "2ms");
    assert_eq!(agent.run("operator autopilot state -format xml").code, 1);
}
