//! Exim 4 without rights: takes mail for the test domains, asks for TLS and a login on the submission ports,
//! and hands all to Dovecot over LMTP.

use super::program::Owner;
use super::{ACCESS_TOKEN, OFFICE, OTHER_OFFICE, Oauth, Options, PASSWORD, Ports, Submission};
use std::path::Path;

/// In the foreground, with a look at its queue each second.
pub fn arguments(dir: &Path) -> Vec<String> {
    vec!["-C".into(), dir.join("exim.conf").to_str().unwrap().into(), "-bdf".into(), "-q1s".into()]
}

pub fn config(dir: &Path, owner: &Owner, ports: Ports, options: &Options) -> String {
    let (dir, submission) = (dir.display(), options.submission);
    let by_token = match &options.oauth {
        Some(oauth) => oauth.mechanisms.iter().map(|mechanism| asking(mechanism, oauth)).collect(),
        None => fixed_token(),
    };
    let tls = match submission {
        Submission::NoTls => "tls_advertise_hosts =".to_owned(),
        _ => format!(
            "tls_on_connect_ports = {}\ntls_advertise_hosts = *\ntls_certificate = {dir}/certificate.pem\n\
             tls_privatekey = {dir}/key.pem",
            ports.submissions
        ),
    };
    let dsn = if submission == Submission::NoDsn { "" } else { "*" };
    let space = if submission == Submission::Full { "1000000G" } else { "0" };
    let own_sender = if submission == Submission::OwnSender {
        format!(
            "deny message = 553 5.7.1 sender is not yours\n       condition = ${{if !={{$received_port}}{{{}}}}}\n       !senders = {OFFICE}",
            ports.smtp
        )
    } else {
        String::new()
    };
    let Owner { user, group, .. } = owner;
    let Ports { lmtp, smtp, submission, submissions, .. } = ports;
    format!(
        "exim_user = {user}
exim_group = {group}
primary_hostname = mx.example.nl
spool_directory = {dir}/exim/spool
log_file_path = {dir}/log/exim-%s
pid_file_path = {dir}/exim/pid
keep_environment =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {smtp} : {submission} : {submissions}
{tls}
dsn_advertise_hosts = {dsn}
check_spool_space = {space}
message_size_limit = 150M
log_selector = -queue_run
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
deliver_drop_privilege
never_users =
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_mail = mail
acl_smtp_rcpt = rcpt
acl_smtp_data = data
auth_advertise_hosts = ${{if or{{{{def:tls_in_cipher}}{{eq{{$received_port}}{{{submissions}}}}}}}{{*}}}}

begin acl
mail:
  {own_sender}
  accept
data:
  warn condition = ${{if match{{$recipients}}{{^late}}}}
       delay = 4s
  accept
rcpt:
  deny message = 530 5.7.0 log in first
       condition = ${{if !={{$received_port}}{{{smtp}}}}}
       !authenticated = *
  deny message = 550 5.1.1 no such mailbox
       local_parts = ^reject
  defer message = 451 4.2.1 mailbox is busy
       local_parts = ^defer
       condition = ${{if !exists{{{dir}/accept-deferred}}}}
  deny message = 552 5.2.2 mailbox is full
       local_parts = ^full
  warn local_parts = ^slow
       delay = 20s
  accept domains = example.nl : *.example.nl : example.org : *.example.org
  deny message = 550 5.7.1 relay not permitted

begin routers
return_path:
  driver = redirect
  domains = ombudsman.example.nl
  local_parts = ^mislukt
  data = {OFFICE}
returned:
  driver = redirect
  local_parts = ^bounce : ^verhuisd
  allow_fail
  data = :fail: mailbox is full for ever
list:
  driver = redirect
  local_parts = lijst
  data = {OFFICE}, lid@example.org
  errors_to = lijst-bounces@example.org
  headers_add = List-Id: <lijst.example.org>\\nPrecedence: list
stripped:
  driver = redirect
  domains = kaal.example.org
  data = {OTHER_OFFICE}
  headers_remove = Auto-Submitted : X-Auto-Response-Suppress : In-Reply-To : References : Message-ID
local:
  driver = manualroute
  route_list = * 127.0.0.1
  transport = lmtp
  self = send

begin transports
lmtp:
  driver = smtp
  protocol = lmtp
  port = {lmtp}
  hosts_avoid_tls = *
  connection_max_messages = 100
  message_linelength_limit = 1000000

begin retry
* * F,2h,1s

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and{{{{eq{{$auth2}}{{{OFFICE}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
{by_token}login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{OFFICE}}}}}{{eq{{$auth2}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth1
"
    )
}

/// One token that never changes.
fn fixed_token() -> String {
    format!(
        "xoauth2:
  driver = plaintext
  public_name = XOAUTH2
  server_condition = ${{if eq{{$auth1}}{{user={OFFICE}\\x01auth=Bearer {ACCESS_TOKEN}\\x01\\x01}}}}
  server_set_id = {OFFICE}
"
    )
}

/// Each token is asked about at the sign-in server (RFC 7662), and must be the office's. A token of that provider has 43
/// letters, digits, hyphens and underscores.
const ASKING: &str = r#"NAME:
  driver = plaintext
  public_name = MECHANISM
  server_condition = ${if and{\
    {match{$auth1}{\N^(n,a|user)=USER[,\x01]\N}}\
    {match{$auth1}{\N\x01auth=Bearer [A-Za-z0-9_-]{43}\x01\x01$\N}}\
    {match{${readsocket{inet:127.0.0.1:PORT}\
      {POST /token/introspection HTTP/1.0\r\nHost: localhost\r\nAuthorization: Basic ${base64:CLIENT:SECRET}\r\n\
Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 49\r\n\r\n\
token=${sg{$auth1}{\N^.*\x01auth=Bearer ([A-Za-z0-9_-]{43})\x01\x01$\N}{\$1}}}{10s}{ }{unavailable}}}\
      {\N"active":true.*"username":"USER"\N}}}}
  server_set_id = OFFICE
"#;

fn asking(mechanism: &str, oauth: &Oauth) -> String {
    let super::oidc::Introspection { port, client, secret } = oauth.introspection;
    ASKING
        .replace("NAME", &mechanism.to_lowercase())
        .replace("MECHANISM", mechanism)
        .replace("USER", &OFFICE.replace('.', r"\."))
        .replace("PORT", &port.to_string())
        .replace("CLIENT", client)
        .replace("SECRET", secret)
        .replace("OFFICE", OFFICE)
}
