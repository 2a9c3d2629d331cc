"""A real S3 server that verifies SigV4: moto in server mode with authorisation enforced.

Makes a bucket and a user that may write to it, then turns enforcement on, prints one line of JSON
{"endpoint", "accessKeyId", "secretAccessKey", "bucket", "region"} and serves until it is stopped.
"""
import argparse
import json
import logging
import signal
import sys

import boto3
import requests
from moto.server import ThreadedMotoServer

BUCKET, REGION = "my-renders", "us-east-1"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, default=0)
    port = options.parse_args().port
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    before = dict(endpoint_url=endpoint, region_name=REGION, aws_access_key_id="setup", aws_secret_access_key="setup")
    boto3.client("s3", **before).create_bucket(Bucket=BUCKET)
    iam = boto3.client("iam", **before)
    iam.create_user(UserName="farm")
    policy = {"Version": "2012-10-17",
              "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}]}
    iam.put_user_policy(UserName="farm", PolicyName="write", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="farm")["AccessKey"]
    requests.post(f"{endpoint}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()
    print(json.dumps({"endpoint": endpoint, "accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"],
                      "bucket": BUCKET, "region": REGION}), flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    sys.exit(0)


if __name__ == "__main__":
    main()
