// Streams that run: their figures, starting and stopping them.
#include "gateway/http/json.hpp"
#include "gateway/http/routes.hpp"

namespace gateway::http {
namespace {

json::object to_json(const StreamTrack& track) {
  return {{"codec", text(track.codec)},
          {"ssrc", track.ssrc},
          {"payload_type", track.payload_type},
          {"clock_rate_hz", track.clock_rate_hz},
          {"width", track.width},
          {"height", track.height},
          {"fps", track.fps},
          {"channels", track.channels}};
}

json::object to_json(const StreamViewer& viewer) {
  return {{"id", text(viewer.id)},
          {"remote_address", text(viewer.remote_address)},
          {"user_agent", text(viewer.user_agent)},
          {"transport", text(viewer.transport)},
          {"since", rfc3339(viewer.since)},
          {"packets", viewer.packets},
          {"bytes", viewer.bytes},
          {"skips", viewer.skips},
          {"skipped_units", viewer.skipped_units},
          {"queue_age_ms", viewer.queue_age_ms}};
}

json::object to_json(const DepartedViewer& departed) {
  auto object = to_json(departed.viewer);
  object["until"] = rfc3339(departed.until);
  object["too_slow"] = departed.too_slow;
  object["reason"] = text(departed.reason);
  return object;
}

json::object to_json(const StreamSourceFigures& source) {
  return {{"transport", text(source.transport)},
          {"remote_address", text(source.remote_address)},
          {"local_address", text(source.local_address)},
          {"ssrc", source.ssrc},
          {"packets", source.packets},
          {"bytes", source.bytes},
          {"lost", source.lost},
          {"reordered", source.reordered},
          {"duplicates", source.duplicates},
          {"invalid", source.invalid},
          {"payload", text(source.payload)},
          {"refused", source.refused},
          {"dropped", source.dropped},
          {"damaged_units", source.damaged_units},
          {"timestamp_jumps", source.timestamp_jumps},
          {"resyncs", source.resyncs},
          {"skipped_bytes", source.skipped_bytes},
          {"receiver_reports", source.receiver_reports},
          {"jitter_ms", source.jitter_ms},
          {"bitrate_bps", source.bitrate_bps}};
}

template <class T>
json::array all_to_json(const std::vector<T>& items) {
  json::array array;
  array.reserve(items.size());
  for (const T& item : items) array.push_back(to_json(item));
  return array;
}

json::object to_json(const StreamInfo& stream, const Request& request) {
  return {{"name", text(stream.name)},
          {"state", text(stream.state)},
          {"rtsp", url(stream.rtsp, request)},
          {"device_id", text(stream.device_id)},
          {"channel_id", text(stream.channel_id)},
          {"since", time_or_null(stream.since)},
          {"tracks", all_to_json(stream.tracks)},
          {"source", to_json(stream.source)},
          {"key_frame_requests", stream.key_frame_requests},
          {"key_frames_on_request", text(stream.key_frames_on_request)},
          {"viewers", all_to_json(stream.viewers)},
          {"departed", all_to_json(stream.departed)}};
}

Reply<StreamStart> read_start(const Request& request) {
  auto body = read_object(request, "name keep");
  if (!body) return body.error();
  auto name = read_member(*body, "name", true);
  if (!name) return name.error();
  StreamStart start;
  start.name = *name;
  if (const json::value* keep = body->if_contains("keep")) {
    if (!keep->is_bool()) return Refusal{400, "bad_request", "\"keep\" must be true or false"};
    start.keep = keep->get_bool();
  }
  if (start.name.empty()) return Refusal{400, "bad_request", "\"name\" must not be empty"};
  return start;
}

}  // namespace

Awaitable<Response> get_streams(Context& context, const Request& request) {
  auto paging = read_paging(request);
  if (!paging) co_return refuse(paging.error());
  StreamFilter filter;
  filter.text = read_text(request, "text");
  auto asked = context.backend.list_streams(filter, *paging);
  const Page<StreamInfo> page = co_await std::move(asked);
  auto one = [&request](const StreamInfo& stream) { return to_json(stream, request); };
  co_return page_response(page, *paging, one);
}

Awaitable<Response> get_stream(Context& context, const Request& request) {
  auto asked = context.backend.stream(request.parameter("name"));
  const Reply<StreamInfo> stream = co_await std::move(asked);
  if (!stream) co_return refuse(stream.error());
  co_return json_response(to_json(*stream, request));
}

Awaitable<Response> post_stream(Context& context, const Request& request) {
  auto start = read_start(request);
  if (!start) co_return refuse(start.error());
  auto asked = context.backend.start_stream(*start);
  const Reply<StreamStarted> started = co_await std::move(asked);
  if (!started) co_return refuse(started.error());
  json::object body{{"name", text(started->name)},
                    {"rtsp", url(started->rtsp, request)},
                    {"already_running", started->already_running}};
  co_return json_response(std::move(body), started->already_running ? 200 : 201);
}

Awaitable<Response> delete_stream(Context& context, const Request& request) {
  std::string reason = read_text(request, "reason");
  if (reason.empty()) reason = "stopped by the operator";
  auto asked = context.backend.stop_stream(request.parameter("name"), reason);
  const Reply<void> done = co_await std::move(asked);
  co_return done ? no_content() : refuse(done.error());
}

}  // namespace gateway::http
