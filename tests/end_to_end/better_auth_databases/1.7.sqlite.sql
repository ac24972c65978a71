-- Better Auth 1.7.25, ids: text

create table "user" ("id" text not null primary key, "name" text not null, "email" text not null unique, "emailVerified" integer not null, "image" text, "createdAt" date not null, "updatedAt" date not null);

create table "session" ("id" text not null primary key, "expiresAt" date not null, "token" text not null unique, "createdAt" date not null, "updatedAt" date not null, "ipAddress" text, "userAgent" text, "userId" text not null references "user" ("id") on delete cascade);

create table "account" ("id" text not null primary key, "accountId" text not null, "providerId" text not null, "userId" text not null references "user" ("id") on delete cascade, "accessToken" text, "refreshToken" text, "idToken" text, "accessTokenExpiresAt" date, "refreshTokenExpiresAt" date, "scope" text, "password" text, "createdAt" date not null, "updatedAt" date not null);

create table "verification" ("id" text not null primary key, "identifier" text not null, "value" text not null, "expiresAt" date not null, "createdAt" date not null, "updatedAt" date not null);

create index "session_userId_idx" on "session" ("userId");

create index "account_userId_idx" on "account" ("userId");

create index "verification_identifier_idx" on "verification" ("identifier");

INSERT INTO "user" ("id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt") VALUES ('ePrtGREPsk9DqAQH9eIG4u1AYKCj4MAY', 'Ann', 'ann@example.test', 0, NULL, '2026-11-21T22:54:15.618Z', '2026-11-21T22:54:15.618Z');

INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId") VALUES ('TaDa5Gq4hhgVHa365TcLt3HKma0LcZ1a', '2026-11-28T22:54:15.707Z', 'FD3PcaiUWBHmir7SMXw8oTl7PUxUUN8z', '2026-11-21T22:54:15.707Z', '2026-11-21T22:54:15.707Z', '', '', 'ePrtGREPsk9DqAQH9eIG4u1AYKCj4MAY');

INSERT INTO "account" ("id", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken", "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "password", "createdAt", "updatedAt") VALUES ('z2o1Oiqu4GgnrN61q8qkaeEwkGIvACBm', 'ePrtGREPsk9DqAQH9eIG4u1AYKCj4MAY', 'credential', 'ePrtGREPsk9DqAQH9eIG4u1AYKCj4MAY', NULL, NULL, NULL, NULL, NULL, NULL, 'c722102bf990ff8ad8514180b3461484:10770069e8501914689bca000eb920afb96dc1726670ad9330a74bdcac007c8b3e71d8ce21c8d9ef8cc09759488657b3242175818c8213f474eaed8a076bcf19', '2026-11-21T22:54:15.673Z', '2026-11-21T22:54:15.673Z');
