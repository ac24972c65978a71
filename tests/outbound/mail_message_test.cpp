#include "outbound/mail_message.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "outbound/mail_templates.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace gatehouse;
using namespace gatehouse::outbound;

namespace {

MailMessage make_message() {
  MailMessage message;
  message.from = {"Gätehouse", "no-reply@example.test"};
  message.to = "ann@example.test";
  message.subject = "Hello";
  message.text = "Grüße, a = b\nend ";
  message.html = "<p>x</p>\n";
  message.id = "abc@example.test";
  message.date = WallTime{std::chrono::milliseconds{1'750'000'000'000}};
  return message;
}

Mail make_mail(std::string name) {
  return {.kind = Mail::Kind::reset_password,
          .to = "ann@example.test",
          .name = std::move(name),
          .url = "https://auth.example.test/reset?a=1&b=2",
          .expires_at = WallTime{std::chrono::hours{2}}};
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace

TEST_CASE("a mail has two parts, encoded, with CRLF and no line beyond 78 characters") {
  CHECK(make_message().to_text() ==
        "Date: Sun, 15 Jun 2025 15:06:40 +0000\r\n"
        "From: =?UTF-8?B?R8OkdGVob3VzZQ==?= <no-reply@example.test>\r\n"
        "To: ann@example.test\r\n"
        "Message-ID: <abc@example.test>\r\n"
        "Subject: Hello\r\n"
        "MIME-Version: 1.0\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "Content-Type: multipart/alternative; boundary=\"=_gatehouse_part\"\r\n"
        "\r\n"
        "--=_gatehouse_part\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        "Gr=C3=BC=C3=9Fe, a =3D b\r\n"
        "end=20\r\n"
        "--=_gatehouse_part\r\n"
        "Content-Type: text/html; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        "<p>x</p>\r\n"
        "\r\n"
        "--=_gatehouse_part--\r\n");
}

TEST_CASE("a subject with line breaks makes no further field") {
  auto message = make_message();
  message.subject = "a\r\nBcc: eve@evil.test\r\n\r\nbody";
  CHECK(message.to_text().find("\r\nBcc:") == std::string::npos);
  CHECK(encode_header_text("a\r\nb\tc\x01") == "a  b c ");
  CHECK(encode_header_text("=?UTF-8?B?eA==?=") == "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=");
}

TEST_CASE("a long subject is cut between characters and folded") {
  std::string subject;
  for (int i = 0; i < 30; ++i) subject += "ü";
  CHECK(encode_header_text(subject) ==
        "=?UTF-8?B?w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8?=\r\n"
        " =?UTF-8?B?w7zDvMO8w7zDvMO8w7zDvMO8?=");
}

TEST_CASE("quoted-printable keeps lines short") {
  CHECK(encode_quoted_printable(std::string(80, 'a')) == std::string(75, 'a') + "=\r\naaaaa");
  CHECK(encode_quoted_printable("a \r\nb\t") == "a=20\r\nb=09");
}

TEST_CASE("an address is one plain address") {
  for (const char* text : {"ann@example.test", "o'neil+x@a-b.example.test", "a@b"}) CHECK(is_mail_address(text));
  for (const char* text : {"", "ann", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nBcc: x@y", "<a@b>", "a@b,c@d", "a@b;c",
                           "\"a\"@b", "a@b\n", "ä@b"})
    CHECK_FALSE(is_mail_address(text));
  CHECK_FALSE(is_mail_address(std::string(250, 'a') + "@b.cd"));
}

TEST_CASE("a sender is an address or a name with one") {
  CHECK(parse_mailbox("no-reply@example.test") == Mailbox{"", "no-reply@example.test"});
  CHECK(parse_mailbox("Example, Inc <no-reply@example.test>") == Mailbox{"Example, Inc", "no-reply@example.test"});
  CHECK(parse_mailbox("\"Example\" <a@b.test>") == Mailbox{"Example", "a@b.test"});
  CHECK(!parse_mailbox("Example <a@b.test> x"));
  CHECK(!parse_mailbox("Example\r\nBcc: x <a@b.test>"));
  CHECK(!parse_mailbox("Example <a b>"));
}

TEST_CASE("a name that could be taken for a link is not repeated") {
  CHECK(greeting_name(make_mail("Dr. Ann O'Neil")) == "Dr. Ann O'Neil");
  CHECK(greeting_name(make_mail("Анна")) == "Анна");
  for (const char* name :
       {"", "  ", "win at evil.test", "https://evil.test", "evil@evil.test", "<b>x</b>", "a\\b", "a:b"})
    CHECK(greeting_name(make_mail(name)) == "ann@example.test");
  for (const char* name : {"Ann\u2028Pay here", "moc.live \u202Enna", "\u2067Ann", "Ann\u0085Pay"})
    CHECK(greeting_name(make_mail(name)) == "ann@example.test");
  CHECK(greeting_name(make_mail("Zoë—東京 ²")) == "Zoë—東京 ²");
  CHECK(greeting_name(make_mail(std::string(65, 'a'))) == "ann@example.test");
  CHECK(greeting_name(make_mail("Ann\r\nEve")) == "Ann  Eve");
}

TEST_CASE("the built-in templates say what a mail is for, with one link in the plain text") {
  const MailTemplates templates("My & Co", "");
  auto mail = make_mail("Ann");
  for (const auto kind : {Mail::Kind::reset_password, Mail::Kind::verify_email, Mail::Kind::change_email_confirmation,
                          Mail::Kind::delete_account}) {
    mail.kind = kind;
    mail.new_email = "new@example.test";
    const auto message = templates.write(mail, WallTime{});
    CHECK(message.subject.ends_with("My & Co"));
    CHECK(message.text.starts_with("Hello Ann,\n"));
    CHECK(message.text.find("within 2 hours") != std::string::npos);
    const auto link = message.text.find("https://auth.example.test/reset?a=1&b=2\n");
    REQUIRE(link != std::string::npos);
    CHECK(message.text.find("http", link + 1) == std::string::npos);
    CHECK(message.html.find("href=\"https://auth.example.test/reset?a=1&amp;b=2\"") != std::string::npos);
    CHECK(message.html.find("My &amp; Co") != std::string::npos);
  }
}

TEST_CASE("a folder's file takes the place of a built-in text") {
  const tests::TemporaryFolder folder;
  write_file(folder.path() / "reset_password.txt",
             "Subject: Neu bei {{app_name}}\r\n\r\nHallo {{ name }}: {{url}}\r\n");
  const MailTemplates templates("Firma", folder.path().string());
  const auto message = templates.write(make_mail("Ann"), WallTime{});
  CHECK(message.subject == "Neu bei Firma");
  CHECK(message.text == "Hallo Ann: https://auth.example.test/reset?a=1&b=2\n");
  CHECK(message.html.find("Choose a new password") != std::string::npos);
}

TEST_CASE("a folder's file that cannot work is told") {
  const auto problem_of = [](const char* content) -> std::string {
    const tests::TemporaryFolder folder;
    write_file(folder.path() / "verify_email.txt", content);
    try {
      const MailTemplates templates("App", folder.path().string());
    } catch (const std::runtime_error& error) {
      return std::string(error.what()).substr(folder.path().string().size() + 1);
    }
    return "";
  };
  CHECK(problem_of("Subject: a\n\n{{url}} {{token}}") ==
        "verify_email.txt has {{token}}, which is none of {{app_name}}, {{name}}, {{email}}, {{new_email}}, {{url}}, "
        "{{lifetime}}");
  CHECK(problem_of("Subject: a\n\nno link") == "verify_email.txt has no {{url}}: nobody could follow the link");
  CHECK(problem_of("Subject: a\n\n{{url") == "verify_email.txt has a {{ without its }}");
}
