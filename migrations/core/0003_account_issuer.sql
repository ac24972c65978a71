-- Better Auth 1.7.0 to 1.7.2 find an account by its issuer and refuse rows without one; releases before and after them do not know the
-- column. It is kept filled, so that a database can be handed to any of them. Providers that 1.7.0 knows by an address of their own are
-- named; those whose issuer is not known before a sign-in (Microsoft, Cognito and everybody's own) are left empty.
ALTER TABLE "account" ADD COLUMN IF NOT EXISTS "issuer" text;

-- Their index wants (issuer, accountId) to be unique: of accounts that are there twice one gets it.
UPDATE "account" SET "issuer" = CASE "providerId"
    WHEN 'credential' THEN 'local:credential'
    WHEN 'siwe' THEN 'local:siwe'
    WHEN 'apple' THEN 'https://appleid.apple.com'
    WHEN 'facebook' THEN 'https://www.facebook.com'
    WHEN 'google' THEN 'https://accounts.google.com'
    WHEN 'line' THEN 'https://access.line.me'
    ELSE 'local:oauth:' || "providerId" END
  WHERE "issuer" IS NULL
    AND "providerId" IN (
      'credential', 'siwe', 'apple', 'facebook', 'google', 'line', 'atlassian', 'discord', 'dropbox', 'figma', 'github', 'gitlab',
      'huggingface', 'kakao', 'kick', 'linear', 'linkedin', 'naver', 'notion', 'paypal', 'polar', 'railway', 'reddit', 'roblox',
      'salesforce', 'slack', 'spotify', 'tiktok', 'twitch', 'twitter', 'vercel', 'vk', 'wechat', 'zoom')
    AND "id" IN (
      SELECT "id" FROM (
        SELECT "id", row_number() OVER (PARTITION BY "providerId", "accountId" ORDER BY "issuer" IS NULL, "id") AS place
        FROM "account") AS placed
      WHERE place = 1);
