"""A server's upload by the official Python SDK for uploads: to the local VOD, recorded by a receiver.

Usage: upload.py VOD SECRET_ID SECRET_KEY RECEIVER API_KEY, with addresses as http://host:port. The SDK's hosts are
fixed, so its profile and its COS configuration are given others; nothing else of it is touched.
"""

import functools
import json
import os
import sys
import tempfile
import time
import unittest
import urllib.request
from unittest import mock

import qcloud_vod.vod_upload_client as sdk
from qcloud_vod.model import VodUploadRequest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

VOD, SECRET_ID, SECRET_KEY, RECEIVER, API_KEY = sys.argv[1:6]
HOST = VOD.removeprefix("http://")
# The SDK sends what is smaller in one piece, and what is not in parts.
PARTS_FROM_BYTES = 20 << 20


def receiver(path, body=None):
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(RECEIVER + path, data, headers)) as answer:
        return json.load(answer)


def client(secret_key=SECRET_KEY):
    return sdk.VodUploadClient(SECRET_ID, secret_key)


def profile():
    made = ClientProfile()
    made.httpProfile = HttpProfile(protocol="http", endpoint=HOST, reqTimeout=15)
    return made


class TheUploadSdkAgainstTheLocalVod(unittest.TestCase):
    def setUp(self):
        local = functools.partial(sdk.vod_client.VodClient, profile=profile())
        cos = functools.partial(sdk.CosConfig, Scheme="http", Domain=HOST)
        for patched in [mock.patch.object(sdk.vod_client, "VodClient", local), mock.patch.object(sdk, "CosConfig", cos)]:
            patched.start()
            self.addCleanup(patched.stop)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, name, size):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(os.urandom(size))
        return path

    def upload(self, user, size, cover=None, by=None):
        request = VodUploadRequest()
        request.MediaFilePath = self.file("lecture 讲座.mp4", size)
        request.CoverFilePath = cover
        request.SourceContext = receiver("/v1/signatures", {"user_id": user})["ticket"]
        return request, (by or client()).upload("ap-guangzhou", request)

    def recorded(self, user, file_id):
        """The upload, as soon as the receiver was told of it."""
        for _ in range(600):
            items = receiver(f"/v1/uploads?user_id={user}&file_id={file_id}")["items"]
            if items:
                return items[0]
            time.sleep(0.1)
        self.fail(f"the receiver does not know {file_id} as a file of {user}")

    def test_a_file_in_one_piece_with_its_cover_is_recorded(self):
        request, response = self.upload("server-alice", 5000, cover=self.file("cover.png", 300))
        upload = self.recorded("server-alice", response.FileId)
        self.assertEqual(upload["ticket"], request.SourceContext)
        self.assertEqual(upload["name"], "lecture 讲座")
        self.assertEqual(upload["cover_url"], response.CoverUrl)
        self.assertEqual(upload["media"]["size_bytes"], 5000)
        with urllib.request.urlopen(response.MediaUrl) as media, open(request.MediaFilePath, "rb") as file:
            self.assertEqual(media.read(), file.read())

    def test_a_file_in_parts_is_recorded(self):
        request, response = self.upload("server-bob", PARTS_FROM_BYTES + 12345)
        self.assertEqual(self.recorded("server-bob", response.FileId)["ticket"], request.SourceContext)
        with urllib.request.urlopen(response.MediaUrl) as media, open(request.MediaFilePath, "rb") as file:
            self.assertEqual(media.read(), file.read())

    def test_who_has_another_key_uploads_nothing(self):
        with self.assertRaises(TencentCloudSDKException) as raised:
            self.upload("server-eve", 10, by=client("another"))
        self.assertEqual(raised.exception.code, "AuthFailure.SignatureFailure")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
