// The media node API: ports that take RTP and names that it is served at.
#include <charconv>

#include "gateway/http/json.hpp"
#include "gateway/http/routes.hpp"

namespace gateway::http {
namespace {

json::object to_json(const Ingest& ingest, const Request& request) {
  return {{"id", text(ingest.id)},
          {"name", text(ingest.name)},
          {"transport", to_string(ingest.transport)},
          {"host", text(ingest.host)},
          {"port", ingest.port},
          {"ssrc", number_or_null(ingest.ssrc)},
          {"remote", text(ingest.remote)},
          {"rtsp", url(ingest.rtsp, request)},
          {"state", text(ingest.state)}};
}

Refusal bad(std::string detail) {
  return {400, "bad_request", std::move(detail)};
}

// A number, or its decimal digits as GB/T 28181 writes them in y= ("0200000001").
Reply<std::optional<std::uint32_t>> read_ssrc(const json::object& body) {
  const json::value* member = body.if_contains("ssrc");
  if (!member || member->is_null()) return std::optional<std::uint32_t>();
  const Refusal wrong =
      bad("\"ssrc\" must be a number from 0 to 4294967295, or its digits as text");
  std::uint32_t ssrc = 0;
  if (const json::string* word = member->if_string()) {
    auto [end, error] = std::from_chars(word->data(), word->data() + word->size(), ssrc);
    if (error != std::errc() || end != word->data() + word->size()) return wrong;
    return std::optional(ssrc);
  }
  boost::json::error_code error;
  ssrc = member->to_number<std::uint32_t>(error);
  if (error || member->is_double()) return wrong;
  return std::optional(ssrc);
}

Reply<IngestRequest> read_ingest(const Request& request) {
  auto body = read_object(request, "name transport ssrc remote");
  if (!body) return body.error();
  auto name = read_member(*body, "name", true);
  if (!name) return name.error();
  auto word = read_member(*body, "transport", true);
  if (!word) return word.error();
  auto ssrc = read_ssrc(*body);
  if (!ssrc) return ssrc.error();
  auto remote = read_member(*body, "remote", false);
  if (!remote) return remote.error();

  const auto transport = parse_media_transport(*word);
  if (name->empty() || name->size() > 256) return bad("\"name\" must have 1 to 256 bytes");
  if (!transport) return bad("\"transport\" must be \"udp\", \"tcp-passive\" or \"tcp-active\"");
  if (*transport == MediaTransport::tcp_active && remote->empty())
    return bad("\"remote\" (host:port) is due with tcp-active");
  IngestRequest ingest;
  ingest.name = *name;
  ingest.transport = *transport;
  ingest.ssrc = *ssrc;
  ingest.remote = *remote;
  return ingest;
}

}  // namespace

Awaitable<Response> get_ingests(Context& context, const Request& request) {
  auto paging = read_paging(request);
  if (!paging) co_return refuse(paging.error());
  auto asked = context.backend.list_ingests(*paging);
  const Page<Ingest> page = co_await std::move(asked);
  auto one = [&request](const Ingest& ingest) { return to_json(ingest, request); };
  co_return page_response(page, *paging, one);
}

Awaitable<Response> get_ingest(Context& context, const Request& request) {
  auto asked = context.backend.ingest(request.parameter("id"));
  const Reply<Ingest> ingest = co_await std::move(asked);
  if (!ingest) co_return refuse(ingest.error());
  co_return json_response(to_json(*ingest, request));
}

Awaitable<Response> post_ingest(Context& context, const Request& request) {
  auto wanted = read_ingest(request);
  if (!wanted) co_return refuse(wanted.error());
  auto asked = context.backend.create_ingest(*wanted);
  const Reply<Ingest> ingest = co_await std::move(asked);
  if (!ingest) co_return refuse(ingest.error());
  Response response = json_response(to_json(*ingest, request), 201);
  response.headers.emplace_back("Location", "/api/v1/ingests/" + percent_encode_path(ingest->id));
  co_return response;
}

Awaitable<Response> delete_ingest(Context& context, const Request& request) {
  auto asked = context.backend.delete_ingest(request.parameter("id"));
  const Reply<void> done = co_await std::move(asked);
  co_return done ? no_content() : refuse(done.error());
}

}  // namespace gateway::http
