"""A small blog behind Palisade: one page, and an XML-RPC endpoint that takes every ping that reaches it."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<!doctype html><title>A blog</title><link rel=pingback href=/xmlrpc.php><p>A post.</p>"
TAKEN = (b'<?xml version="1.0"?><methodResponse><params><param><value>'
         b"<string>Pingback registered.</string></value></param></params></methodResponse>")


class Blog(BaseHTTPRequestHandler):
    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer("text/html; charset=utf-8", PAGE)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer("text/xml", TAKEN)


ThreadingHTTPServer(("", 8000), Blog).serve_forever()
