// From method and path to the function that answers. Pure, apart from the functions themselves.
#pragma once

#include <boost/beast/http/verb.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/http/backend.hpp"
#include "gateway/http/target.hpp"
#include "gateway/metrics.hpp"

namespace gateway::http {

using Verb = boost::beast::http::verb;

// A request as a route's function sees it.
struct Request {
  Target target;
  std::vector<std::pair<std::string_view, std::string>> parameters;  // of the path, decoded
  std::string body;
  std::string rtsp_host;  // for RTSP URLs in the answer; empty: as the backend wrote them

  // The value of "{name}" in the route's pattern; there is one by construction.
  const std::string& parameter(std::string_view name) const;
  // The first query parameter of that name; nullptr when there is none.
  const std::string* query(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

struct Context {
  Backend& backend;
  Metrics& metrics;
};

// `context` and `request` live until the coroutine ends.
using Handler = Awaitable<Response> (*)(Context& context, const Request& request);

// Who may call.
enum class Access { anyone, trusted };

struct Route {
  Verb verb;
  std::string_view pattern;  // "/a/{x}/b"; "{x...}" at the end takes the rest, slashes included
  Handler handler;
  Access access;
  std::string_view summary;   // for openapi.json
  std::string_view query;     // names of the query parameters, separated by blanks
  std::string_view request;   // schema of the body; empty: none
  std::string_view response;  // schema of a good answer; empty: no JSON
  int status;                 // of a good answer
};

struct Match {
  const Route* route = nullptr;  // nullptr: see allow
  std::vector<std::pair<std::string_view, std::string>> parameters;
  std::string allow;  // "GET, HEAD, POST": the path exists but not with this verb; empty: no path
};

// HEAD is answered by GET's route.
Match match(std::span<const Route> routes, Verb verb, std::string_view path);

}  // namespace gateway::http
