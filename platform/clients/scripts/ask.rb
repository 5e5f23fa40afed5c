require 'net/https'
require 'uri'

begin
  url = URI(ARGV[0])
  proxy = ARGV[1] == '0' ? [nil] : ['127.0.0.1', ARGV[1].to_i]
  http = Net::HTTP.new(url.host, url.port, *proxy)
  http.use_ssl = true
  http.start { |open| open.get(url.path).value }
rescue StandardError => e
  abort "#{e.class}: #{e.message}"
end
