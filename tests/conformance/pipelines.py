"""Image Builder: pipelines, builds that go through their states, and the AMIs that come of them."""

import json
import time

from harness import Case, candidate

STATES = ["PENDING", "CREATING", "BUILDING", "TESTING", "DISTRIBUTING", "INTEGRATING", "AVAILABLE"]


class Pipelines(Case):
    # A build of 25 minutes takes five seconds.

    def setUp(self):
        super().setUp()
        self.builder = self.client("imagebuilder", None)
        [pipeline] = self.builder.list_image_pipelines()["imagePipelineList"]
        self.pipeline = pipeline["arn"]

    def follow(self, arn: str) -> tuple[list[str], dict]:
        """The states that a build is seen in, and how it ended."""
        seen: list[str] = []
        deadline = time.monotonic() + 60
        while True:
            image = self.builder.get_image(imageBuildVersionArn=arn)["image"]
            status = image["state"]["status"]
            if not seen or seen[-1] != status:
                seen.append(status)
            if status in ("AVAILABLE", "FAILED"):
                return seen, image
            self.assertLess(time.monotonic(), deadline, seen)
            time.sleep(0.02)

    def start(self, token: str) -> str:
        started = self.builder.start_image_pipeline_execution(imagePipelineArn=self.pipeline, clientToken=token)
        self.assertEqual(started["clientToken"], token)
        return started["imageBuildVersionArn"]

    def builds(self, **more) -> list[dict]:
        pages = self.builder.get_paginator("list_image_pipeline_images")
        found = pages.paginate(imagePipelineArn=self.pipeline, PaginationConfig={"PageSize": 1}, **more)
        return [image for page in found for image in page["imageSummaryList"]]

    def test_a_pipeline_builds_an_image_that_ec2_has(self):
        before = self.builds()
        arn = self.start("conformance-1")
        self.assertEqual(self.start("conformance-1"), arn, "the same token gives the same build")
        error = self.refused(
            "ResourceInUseException",
            self.builder.start_image_pipeline_execution,
            imagePipelineArn=self.pipeline,
            clientToken="conformance-2",
        )
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 400)
        seen, image = self.follow(arn)
        self.assertEqual(seen, [state for state in STATES if state in seen])
        self.assertTrue({"CREATING", "BUILDING", "TESTING", "DISTRIBUTING"} < set(seen), seen)
        self.assertEqual(image["sourcePipelineArn"], self.pipeline)
        [ami] = image["outputResources"]["amis"]
        ec2 = self.simulator.session(None).client(
            "ec2", region_name=ami["region"], endpoint_url=self.simulator.exports["AWS_ENDPOINT_URL"]
        )
        [found] = ec2.describe_images(ImageIds=[ami["image"]])["Images"]
        self.assertEqual((found["State"], found["OwnerId"]), ("available", ami["accountId"]))
        self.assertEqual(found["Name"], ami["name"])
        [shared] = self.client("ec2", "prod").describe_images(ImageIds=[ami["image"]])["Images"]
        self.assertEqual(shared.get("Tags", []), [], "tags are the owner's")
        after = self.builds()
        self.assertEqual(len(after), len(before) + 1)
        self.assertIn(arn, [build["arn"] for build in after])
        summary = self.builder.get_image_pipeline(imagePipelineArn=self.pipeline)["imagePipeline"]
        self.assertEqual(summary["lastRunStatus"], "AVAILABLE")

    def test_the_candidates_image_was_built_by_it(self):
        first = self.builds(filters=[{"name": "version", "values": ["1.0.0/1"]}])
        [ami] = first[0]["outputResources"]["amis"]
        self.assertEqual(ami["image"], candidate())
        [version] = self.builder.list_images(owner="Self")["imageVersionList"]
        self.assertTrue(first[0]["arn"].startswith(version["arn"] + "/"))

    def test_refusals_have_codes(self):
        get = self.builder.get_image_pipeline
        error = self.refused("ResourceNotFoundException", get, imagePipelineArn=f"{self.pipeline}-other")
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 404)
        elsewhere = self.pipeline.replace(self.pipeline.split(":")[4], "999999999999")
        error = self.refused("AccessDeniedException", get, imagePipelineArn=elsewhere)
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 403)
        self.refused("InvalidPaginationTokenException", self.builder.list_images, nextToken="nonsense")
        colour = [{"name": "colour", "values": ["red"]}]
        self.refused("InvalidParameterValueException", self.builder.list_image_pipelines, filters=colour)
        self.refused("UnknownOperationException", self.builder.list_components)

    def test_the_cli_understands_it(self):
        listed = self.simulator.cli(None, "imagebuilder", "list-image-pipelines")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        [pipeline] = json.loads(listed.stdout)["imagePipelineList"]
        self.assertEqual(pipeline["arn"], self.pipeline)
        refused = self.simulator.cli(
            None, "imagebuilder", "get-image-pipeline", "--image-pipeline-arn", f"{self.pipeline}-other"
        )
        self.assertIn("ResourceNotFoundException", refused.stderr)


class Failing(Pipelines):
    scenario = "image-build-fails"

    def test_a_pipeline_builds_an_image_that_ec2_has(self):
        seen, image = self.follow(self.start("conformance-1"))
        self.assertEqual(seen[-2:], ["TESTING", "FAILED"])
        self.assertIn("boots-and-answers", image["state"]["reason"])
        self.assertEqual(image["outputResources"], {"amis": []})


class Throttled(Case):
    scenario = "tests/conformance/throttled.yaml"

    def test_too_many_calls_are_refused_in_its_own_words(self):
        codes = set()
        for _ in range(60):
            try:
                self.client("imagebuilder", None, attempts=1).list_image_pipelines()
            except self.client("imagebuilder", None, attempts=1).exceptions.CallRateLimitExceededException as error:
                codes.add((error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]))
        self.assertEqual(codes, {("CallRateLimitExceededException", 429)})
