//! Dovecot 2.3 without rights: every folder and port of its own, no chroot, one password for all.

use super::program::Owner;
use super::{Oauth, Options, PASSWORD, Ports};
use std::path::Path;

pub fn arguments(dir: &Path) -> Vec<String> {
    vec!["-F".into(), "-c".into(), dir.join("dovecot.conf").to_str().unwrap().into()]
}

pub fn config(dir: &Path, owner: &Owner, ports: Ports, options: &Options) -> String {
    let dir = dir.display();
    let Owner { user, group, .. } = owner;
    let Ports { imap, imaps, lmtp, .. } = ports;
    // Scripts lie in `sieve/<address>.sieve`; what they send goes through Exim, as on a real server.
    let (sieve, sieve_path) = match options.sieve.is_empty() {
        true => (String::new(), String::new()),
        false => (
            format!("  mail_plugins = sieve\n  submission_host = 127.0.0.1:{}\n", ports.smtp),
            format!("plugin {{\n  sieve = file:{dir}/sieve/%Lu.sieve\n}}\n"),
        ),
    };
    let capability =
        options.imap_capability.as_ref().map(|list| format!("imap_capability = {list}")).unwrap_or_default();
    let (passwords, tokens) = match &options.oauth {
        None => (String::new(), String::new()),
        Some(Oauth { mechanisms, .. }) => {
            let names = mechanisms.join(" ").to_lowercase();
            (
                "  mechanisms = plain login\n".to_owned(),
                format!(
                    "auth_mechanisms = plain login {names}\npassdb {{\n  driver = oauth2\n  mechanisms = {names}\n  \
                     args = {dir}/dovecot-oauth2.conf\n}}\n"
                ),
            )
        }
    };
    format!(
        "base_dir = {dir}/dovecot/base
state_dir = {dir}/dovecot/state
log_path = {dir}/log/dovecot
protocols = imap lmtp
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{dir}/mail/%Lu
mail_fsync = never
auth_username_format = %Lu
auth_failure_delay = 0
ssl = required
ssl_cert = <{dir}/certificate.pem
ssl_key = <{dir}/key.pem
{capability}
{tokens}passdb {{
  driver = static
{passwords}  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={dir}/mail/%Lu allow_all_users=yes
}}
protocol imap {{
  mail_max_userip_connections = 100
}}
protocol lmtp {{
  postmaster_address = postmaster@example.nl
{sieve}}}
{sieve_path}service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
"
    )
}

/// Each token is asked about at the sign-in server (RFC 7662); the mailbox is the one that it tells.
pub fn oauth2_config(oauth: &Oauth) -> String {
    let super::oidc::Introspection { port, client, secret } = oauth.introspection;
    format!(
        "introspection_mode = post\nintrospection_url = http://{client}:{secret}@127.0.0.1:{port}/token/introspection\n\
         force_introspection = yes\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n\
         scope = {}\n",
        oauth.scope
    )
}
