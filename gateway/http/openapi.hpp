// The API's own description, OpenAPI 3.1, made from the table of routes and the table of schemas,
// so that it cannot name a route that is not there.
#pragma once

#include <boost/json/object.hpp>
#include <span>
#include <string_view>

#include "gateway/http/router.hpp"

namespace gateway::http {

boost::json::object openapi(std::span<const Route> routes, std::string_view version);

// A value's members as one line: "id:string since:time? tracks:Track[]". "?" may be null, "[]" is
// an array, "=" at the end of a name may be left out (requests only).
struct Schema {
  std::string_view name, members;
};
std::span<const Schema> schemas();

}  // namespace gateway::http
