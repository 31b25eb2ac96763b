"""The official Python SDK against the local VOD, and its signer against ours.

Usage: check.py ADDRESS SECRET_ID SECRET_KEY, with the local VOD running at ADDRESS (host:port), and the requests of
our client (tests/it/sdk.rs) among those that it has seen. `./dev test sdk` does all that.
"""

import glob
import json
import os
import sys
import unittest
import urllib.request
import warnings
from unittest import mock

from tencentcloud.common import credential
from tencentcloud.common.abstract_client import AbstractClient
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.vod.v20180717 import models, vod_client

ADDRESS, SECRET_ID, SECRET_KEY = sys.argv[1:4]
PAYLOADS = os.path.join(os.path.dirname(__file__), "..", "fixtures", "payloads")
# What our client asks; the SDK knows many more.
ACTIONS = {
    "PullEvents",
    "ConfirmEvents",
    "SearchMedia",
    "DescribeMediaInfos",
    "DescribeTaskDetail",
    "DescribeTasks",
    "DescribeEventConfig",
    "ModifyEventConfig",
}
# A sub application of the script's own, so that it meets nothing that others left.
SUB_APP_ID = 1500000777


def payload(name):
    with open(os.path.join(PAYLOADS, name), encoding="utf-8") as file:
        return json.load(file)["Response"]


def control(method, path, body=None):
    """The local VOD's door for scripts."""
    address = f"http://{ADDRESS}/_simulator/{path}"
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def client(secret_id=SECRET_ID, secret_key=SECRET_KEY, token=None, host=ADDRESS):
    profile = ClientProfile()
    profile.httpProfile = HttpProfile(protocol="http", endpoint=host, reqTimeout=15)
    return vod_client.VodClient(credential.Credential(secret_id, secret_key, token), "", profile)


def ask(action, asked=None, by=None):
    """Asks by the SDK, and lets it parse the answer."""
    request = getattr(models, f"{action}Request")()
    request._deserialize({"SubAppId": SUB_APP_ID, **(asked or {})})
    return getattr(by or client(), action)(request)


class TheSdkAgainstTheLocalVod(unittest.TestCase):
    maxDiff = None

    def refused(self, code, action, asked=None, by=None):
        with self.assertRaises(TencentCloudSDKException) as raised:
            ask(action, asked, by)
        self.assertEqual(raised.exception.code, code)
        self.assertTrue(raised.exception.requestId)

    def test_events_are_pulled_and_confirmed(self):
        names = sorted(glob.glob(os.path.join(PAYLOADS, "v3-pull-*.json")))
        sent = [event for name in names for event in payload(name)["EventSet"]]
        self.assertGreater(len(sent), 5)
        control("POST", f"events?sub_app_id={SUB_APP_ID}", sent)
        self.assertEqual(ask("DescribeEventsState").CountOfEventsToPull, len(sent))
        pulled = ask("PullEvents").EventSet
        self.assertEqual([event.EventType for event in pulled], [event.get("EventType") for event in sent])
        upload = next(event for event in pulled if event.EventType == "NewFileUpload")
        self.assertEqual(upload.FileUploadEvent.FileId, "5285890784273533167")
        self.assertEqual(upload.FileUploadEvent.MediaBasicInfo.SourceInfo.SourceType, "Upload")
        handles = [event.EventHandle for event in pulled]
        self.assertTrue(all(handle.isdigit() for handle in handles), handles)
        self.assertTrue(ask("ConfirmEvents", {"EventHandles": handles}).RequestId)
        self.refused("InvalidParameterValue", "ConfirmEvents", {"EventHandles": handles})
        self.refused("ResourceNotFound", "PullEvents")

    def test_media_are_searched_and_described(self):
        [info] = payload("api-SearchMedia-response.json")["MediaInfoSet"]
        control("POST", f"media?sub_app_id={SUB_APP_ID}", [info])
        window = {"After": "2020-12-11T07:25:52Z", "Before": "2020-12-11T07:25:52Z"}
        sort = {"Field": "CreateTime", "Order": "Asc"}
        found = ask("SearchMedia", {"CreateTime": window, "Sort": sort, "Offset": 0, "Limit": 100})
        self.assertEqual(found.TotalCount, 1)
        self.assertEqual(found.MediaInfoSet[0].FileId, info["FileId"])
        self.assertEqual(found.MediaInfoSet[0].MetaData.Size, info["MetaData"]["Size"])
        self.refused("InvalidParameterValue", "SearchMedia", {"Offset": 4901, "Limit": 100})
        wanted = {"FileIds": [info["FileId"], "5285485487985271488"], "Filters": ["basicInfo"]}
        described = ask("DescribeMediaInfos", wanted)
        self.assertEqual(described.MediaInfoSet[0].BasicInfo.Name, "Sport file")
        self.assertIsNone(described.MediaInfoSet[0].MetaData)
        self.assertEqual(described.NotExistFileIdSet, ["5285485487985271488"])
        control("DELETE", f"media/{info['FileId']}?sub_app_id={SUB_APP_ID}")
        self.assertEqual(ask("DescribeMediaInfos", wanted).NotExistFileIdSet, wanted["FileIds"])

    def test_a_task_is_described(self):
        told = payload("api-DescribeTaskDetail-Procedure-response.json")
        told.pop("RequestId")
        task_id = told["ProcedureTask"]["TaskId"]
        control("PUT", f"tasks/{task_id}?sub_app_id={SUB_APP_ID}", told)
        self.refused("InvalidParameterValue", "DescribeTaskDetail", {"TaskId": task_id})  # of 2019
        del told["CreateTime"]
        control("PUT", f"tasks/{task_id}?sub_app_id={SUB_APP_ID}", told)
        task = ask("DescribeTaskDetail", {"TaskId": task_id}).ProcedureTask
        self.assertEqual((task.TaskId, task.Status), (task_id, "FINISH"))
        self.refused("ResourceNotFound", "DescribeTaskDetail", {"TaskId": "another"})
        listed = ask("DescribeTasks", {"Status": "FINISH", "Limit": 100})
        self.assertIn((task_id, "FINISH", "Procedure"), [(one.TaskId, one.Status, one.TaskType) for one in listed.TaskSet])
        self.assertEqual(listed.ScrollToken, "")

    def test_the_event_configuration_is_described_and_modified(self):
        before = ask("DescribeEventConfig")
        self.assertEqual((before.Mode, before.UploadMediaCompleteEventSwitch), ("PUSH", "OFF"))
        ask("ModifyEventConfig", {"Mode": "PULL", "UploadMediaCompleteEventSwitch": "ON", "SignKey": "Key01"})
        after = ask("DescribeEventConfig")
        self.assertEqual((after.Mode, after.UploadMediaCompleteEventSwitch), ("PULL", "ON"))
        self.refused("InvalidParameterValue", "ModifyEventConfig", {"Mode": "BOTH"})

    def test_who_may_not_ask_is_told_why(self):
        self.refused("AuthFailure.SignatureFailure", "DescribeEventConfig", by=client(secret_key="another"))
        self.refused("AuthFailure.SecretIdNotFound", "DescribeEventConfig", by=client(secret_id="AKIDanother"))
        with mock.patch("time.time", return_value=1_500_000_000):
            self.refused("AuthFailure.SignatureExpire", "DescribeEventConfig")

    def test_faults_are_what_the_sdk_takes_for_faults(self):
        for code in ["RequestLimitExceeded", "InternalError", "AuthFailure.SignatureExpire"]:
            control("POST", "faults", {"action": "SearchMedia", "kind": {"error_code": code}})
            self.refused(code, "SearchMedia")
        control("POST", "faults", {"action": "PullEvents", "kind": "null_set"})
        self.assertIsNone(ask("PullEvents").EventSet)
        control("POST", "faults", {"action": "PullEvents", "kind": "empty_set"})
        self.assertEqual(ask("PullEvents").EventSet, [])
        control("POST", "faults", {"action": "SearchMedia", "kind": "unknown_members"})
        self.assertTrue(ask("SearchMedia").RequestId)
        for kind in ["hang_up", "cut_body", {"status": 502}]:
            control("POST", "faults", {"action": "SearchMedia", "kind": kind})
            with self.assertRaises(TencentCloudSDKException, msg=kind):
                ask("SearchMedia")
        self.assertEqual(control("GET", "state")["faults_left"], 0)


class OurRequests(unittest.TestCase):
    """Each request of our client, built again by the SDK at the same time with the same body."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        seen = control("GET", "requests")
        cls.ours = [one for one in seen if "x-tc-requestclient" not in one["headers"]]

    def test_every_action_is_among_them(self):
        self.assertEqual({one["headers"]["x-tc-action"] for one in self.ours}, ACTIONS)
        self.assertTrue(any("x-tc-token" in one["headers"] for one in self.ours))

    def test_the_sdk_makes_the_same_headers(self):
        for one in self.ours:
            headers, body = one["headers"], one["body"]
            with self.subTest(headers["x-tc-action"], body=body):
                request = RequestInternal(host=headers["host"], method="POST", uri="/")
                by = client(token=headers.get("x-tc-token"), host=headers["host"])
                at = int(headers["x-tc-timestamp"])
                # The SDK would write the same JSON with other blanks.
                with mock.patch("time.time", return_value=at), mock.patch("json.dumps", return_value=body):
                    AbstractClient._build_req_with_tc3_signature(by, headers["x-tc-action"], {}, request)
                self.assertEqual(request.data, body)
                made = {name.lower(): value for name, value in request.header.items()}
                # Not signed, and ours to leave out: who asks, and in which language errors are told.
                del made["x-tc-requestclient"], made["x-tc-language"]
                self.assertEqual(made, {name: headers.get(name) for name in made})
                self.assertEqual((one["method"], one["path"], one["query"]), ("POST", "/", ""))
                self.assertTrue(made["authorization"].startswith("TC3-HMAC-SHA256 Credential="))

    def test_the_sdk_knows_every_parameter(self):
        for one in self.ours:
            action = one["headers"]["x-tc-action"]
            with self.subTest(action, body=one["body"]), warnings.catch_warnings():
                warnings.simplefilter("error")  # it warns of members that it does not know
                getattr(models, f"{action}Request")()._deserialize(json.loads(one["body"]))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
