//! `GET /accounts`: who has an account or a token, what was changed in them, and the forms that change them.
//!
//! Invariants: a password for once and a token are shown in the answer to the form and nowhere else; nobody takes the last
//! admin's rights away here, and nobody their own (the command line can).

use super::accounts::{Account, Accounts, What};
use super::dates;
use super::errors::Fault;
use super::guard::{Posted, Visitor, see_other};
use super::pages::{self, Shell};
use super::rights::{Right, Role};
use super::state::ReviewState;
use super::words;
use crate::limits::{PASSWORD_ONCE_MAX, TOKEN_DAYS_MAX};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct View {
    shell: Shell,
    may_keep: bool,
    accounts: Vec<AccountView>,
    tokens: Vec<TokenView>,
    roles: Vec<(&'static str, &'static str)>,
    changes: Vec<ChangeView>,
    older: u64,
    /// The first line of the log that does not fit the one before it.
    broken: Option<u64>,
    given: Option<Given>,
    once_hours: u64,
    days_max: i64,
}

/// What is shown once.
#[derive(Serialize)]
struct Given {
    name: String,
    secret: String,
    is_token: bool,
}

#[derive(Serialize)]
struct AccountView {
    name: String,
    role: &'static str,
    role_label: &'static str,
    since: String,
    blocked: bool,
    once: bool,
    by_sign_in: bool,
    own: bool,
}

#[derive(Serialize)]
struct TokenView {
    name: String,
    role: &'static str,
    since: String,
    used: Option<String>,
    ends: Option<String>,
    ended: bool,
}

#[derive(Serialize)]
struct ChangeView {
    at: String,
    iso: String,
    by: String,
    what: &'static str,
    name: String,
    role: Option<&'static str>,
}

/// `GET /accounts`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Fault> {
    draw(&state, &visitor, None).await
}

async fn draw(state: &ReviewState, visitor: &Visitor, given: Option<Given>) -> Result<Response, Fault> {
    let (accounts, tokens, (changes, count, broken)) = state
        .with_accounts(|accounts| Ok((accounts.list()?, accounts.tokens()?, accounts.changes()?)))
        .await?;
    let now = state.now();
    let account = |account: Account| AccountView {
        own: account.name == visitor.name,
        role: account.role.id(),
        role_label: words::role_label(account.role),
        since: dates::moment(account.created_at),
        blocked: account.blocked,
        once: account.once_until.is_some(),
        by_sign_in: account.by_sign_in(),
        name: account.name,
    };
    let view = View {
        shell: Shell::new(state, visitor, "accounts"),
        may_keep: visitor.may(Right::KeepAccounts),
        accounts: accounts.into_iter().map(account).collect(),
        tokens: tokens
            .into_iter()
            .map(|token| TokenView {
                role: words::role_label(token.role),
                since: dates::moment(token.created_at),
                used: token.used_at.map(dates::moment),
                ended: token.ends_at.is_some_and(|end| end <= now),
                ends: token.ends_at.map(dates::moment),
                name: token.name,
            })
            .collect(),
        roles: Role::ALL.into_iter().map(|role| (role.id(), words::role_label(role))).collect(),
        older: count.saturating_sub(changes.len() as u64),
        changes: changes
            .into_iter()
            .map(|change| ChangeView {
                at: dates::moment(change.at),
                iso: change.at.to_string(),
                by: if change.by.is_empty() { "bode".into() } else { change.by },
                what: change.what.told(),
                name: change.name,
                role: change.role.map(words::role_label),
            })
            .collect(),
        broken,
        given,
        once_hours: PASSWORD_ONCE_MAX.as_secs() / 3600,
        days_max: TOKEN_DAYS_MAX,
    };
    Ok(pages::draw("accounts.html", &view)?.into_response())
}

fn role(text: &str) -> Result<Role, Fault> {
    text.parse().map_err(|_| Fault::unacceptable("Kies een rol."))
}

#[derive(Deserialize)]
pub struct AddForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
}

/// `POST /accounts/add`
pub async fn add(
    State(state): State<ReviewState>,
    Posted { visitor, form }: Posted<AddForm>,
) -> Result<Response, Fault> {
    let role = role(&form.role)?;
    let (by, now, name) = (visitor.name.clone(), state.now(), form.name.trim().to_owned());
    let secret = state.with_accounts(move |accounts| accounts.keeper(&by, now).add_once(&name, role)).await?;
    let given = Given { name: form.name.trim().to_owned(), secret, is_token: false };
    draw(&state, &visitor, Some(given)).await
}

#[derive(Deserialize)]
pub struct ChangeForm {
    #[serde(default)]
    name: String,
    /// `role`, `once`, `block`, `unblock` or `remove`.
    #[serde(default)]
    action: String,
    #[serde(default)]
    role: String,
}

/// `POST /accounts/change`
pub async fn change(
    State(state): State<ReviewState>,
    Posted { visitor, form }: Posted<ChangeForm>,
) -> Result<Response, Fault> {
    let what = match form.action.as_str() {
        "role" => What::Role,
        "once" => What::PasswordForOnce,
        "block" => What::Blocked,
        "unblock" => What::Unblocked,
        "remove" => What::Removed,
        _ => return Err(Fault::unacceptable("Kies wat u met het account doet.")),
    };
    if form.name == visitor.name {
        return Err(Fault::unacceptable(
            "Dit is uw eigen account. Een andere beheerder kan het wijzigen. Uw wachtwoord wijzigt u bij uw account.",
        ));
    }
    let role = if what == What::Role { Some(role(&form.role)?) } else { None };
    let (by, now, name) = (visitor.name.clone(), state.now(), form.name.clone());
    let secret = state
        .with_accounts(move |accounts| {
            let keeper = accounts.keeper(&by, now);
            match (what, role) {
                (What::Role, Some(role)) => keeper.set_role(&name, role)?,
                (What::PasswordForOnce, _) => return keeper.give_once(&name).map(Some),
                (What::Blocked | What::Unblocked, _) => keeper.block(&name, what == What::Blocked)?,
                _ => keeper.remove(&name)?,
            }
            Ok(None)
        })
        .await?;
    if what != What::Role && what != What::Unblocked {
        state.sessions().close_all(&form.name);
    }
    match secret {
        Some(secret) => {
            draw(&state, &visitor, Some(Given { name: form.name, secret, is_token: false })).await
        }
        None => Ok(see_other("/accounts")),
    }
}

#[derive(Deserialize)]
pub struct TokenForm {
    #[serde(default)]
    name: String,
    /// `add` or `remove`.
    #[serde(default)]
    action: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    days: String,
}

/// `POST /accounts/tokens`
pub async fn token(
    State(state): State<ReviewState>,
    Posted { visitor, form }: Posted<TokenForm>,
) -> Result<Response, Fault> {
    let (by, now, name) = (visitor.name.clone(), state.now(), form.name.trim().to_owned());
    match form.action.as_str() {
        "add" => {
            let role = role(&form.role)?;
            let ends = ends_at(&form.days, now)?;
            let add = move |accounts: &Accounts| accounts.keeper(&by, now).add_token(&name, role, Some(ends));
            let secret = state.with_accounts(add).await?;
            let given = Given { name: form.name.trim().to_owned(), secret, is_token: true };
            draw(&state, &visitor, Some(given)).await
        }
        "remove" => {
            state.with_accounts(move |accounts| accounts.keeper(&by, now).remove_token(&name)).await?;
            Ok(see_other("/accounts"))
        }
        _ => Err(Fault::unacceptable("Kies wat u met het token doet.")),
    }
}

fn ends_at(days: &str, now: Timestamp) -> Result<Timestamp, Fault> {
    let days: i64 = days.trim().parse().unwrap_or(0);
    if !(1..=TOKEN_DAYS_MAX).contains(&days) {
        return Err(Fault::unacceptable(format!("Een token geldt 1 tot {TOKEN_DAYS_MAX} dagen.")));
    }
    now.checked_add(SignedDuration::from_hours(24 * days)).map_err(|error| Fault::internal(&error))
}
