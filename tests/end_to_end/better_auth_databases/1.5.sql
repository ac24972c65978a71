-- Better Auth 1.5.6, ids: text

create table "user" ("id" text not null primary key, "name" text not null, "email" text not null unique, "emailVerified" boolean not null, "image" text, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create table "session" ("id" text not null primary key, "expiresAt" timestamptz not null, "token" text not null unique, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz not null, "ipAddress" text, "userAgent" text, "userId" text not null references "user" ("id") on delete cascade);

create table "account" ("id" text not null primary key, "accountId" text not null, "providerId" text not null, "userId" text not null references "user" ("id") on delete cascade, "accessToken" text, "refreshToken" text, "idToken" text, "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt" timestamptz, "scope" text, "password" text, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz not null);

create table "verification" ("id" text not null primary key, "identifier" text not null, "value" text not null, "expiresAt" timestamptz not null, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create index "session_userId_idx" on "session" ("userId");

create index "account_userId_idx" on "account" ("userId");

create index "verification_identifier_idx" on "verification" ("identifier");

INSERT INTO "user" ("id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt") VALUES ('kisEoO8SYvpBqwo9SArGeN8bmukKsQo4', 'Ann', 'ann@example.test', 'f', NULL, '2026-11-21 22:53:05.412+00', '2026-11-21 22:53:05.412+00');

INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId") VALUES ('eHvwkUwAxEuvFO4ZgU6l0DBoKiGLZqeA', '2026-11-28 22:53:05.498+00', 'RXKyptThudWuIWT8EeYWAPayAL7kMmvU', '2026-11-21 22:53:05.498+00', '2026-11-21 22:53:05.498+00', '', '', 'kisEoO8SYvpBqwo9SArGeN8bmukKsQo4');

INSERT INTO "account" ("id", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken", "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "password", "createdAt", "updatedAt") VALUES ('8rJKubCYmpWi8ryHExYac2TDCXoZcjTd', 'kisEoO8SYvpBqwo9SArGeN8bmukKsQo4', 'credential', 'kisEoO8SYvpBqwo9SArGeN8bmukKsQo4', NULL, NULL, NULL, NULL, NULL, NULL, '949583df58a498807c617216dcb5613a:125163b6b41cde5ea6f320b91c55e03a17a4b8472d2625e01e3d58c481276b6975082f4f303dc93d8aa544b9d50c3bc773a440dbe89d6ac24afed1d31d0ec7a1', '2026-11-21 22:53:05.475+00', '2026-11-21 22:53:05.475+00');
